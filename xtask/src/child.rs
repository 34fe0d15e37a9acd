//! A child process that never outlives the chore that started it.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A child process. It is ended when this is dropped, so on every way out of a chore.
pub(crate) struct Guarded {
    child: Child,
    name: String,
}

impl Guarded {
    /// Starts it. `name` is what error messages call it.
    ///
    /// # Errors
    /// The program can't be started.
    pub(crate) fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        Ok(Self { child, name: name.to_owned() })
    }

    /// The process itself, for its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end, at most so long; `None` where it still runs then.
    ///
    /// # Errors
    /// The system does not say how it is.
    pub(crate) fn wait_at_most(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            let ended = self.child.try_wait().with_context(|| format!("wait for {}", self.name))?;
            if ended.is_some() || began.elapsed() >= limit {
                return Ok(ended);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// How often a child is asked whether it has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Drop for Guarded {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_child_that_does_not_end_is_given_up_in_time_and_ended_with_its_guard() {
        let mut cat = Guarded::spawn("cat", Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped())).unwrap();
        assert_eq!(cat.wait_at_most(Duration::ZERO).unwrap(), None);
        let mut output = cat.child().stdout.take().unwrap();
        drop(cat);
        // Ends only because the process did: its input was never closed before.
        assert_eq!(std::io::copy(&mut output, &mut std::io::sink()).unwrap(), 0);
    }

    #[test]
    fn a_child_that_ends_says_how() {
        let mut child = Guarded::spawn("false", &mut Command::new("false")).unwrap();
        let status = child.wait_at_most(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(status.code(), Some(1));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let Err(error) = Guarded::spawn("the thing", &mut Command::new("no-such-program-anywhere")) else {
            panic!("it was started");
        };
        assert_eq!(error.to_string(), "start the thing");
    }
}
