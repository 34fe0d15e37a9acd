//! What a person sees while something goes on, and how they end it.

use std::{
    io::{IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bench::probe::{Progress, Watch};

use super::{output::explain, run::block_on, signals::Signals};

/// Set by the first Ctrl-C (SIGINT), SIGTERM or SIGHUP.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on the first signal asks for an end, and the second ends the process, after `last`.
    ///
    /// # Errors
    /// Where the system gives no thread or no handler.
    pub(super) fn on_signal(last: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let stop = Self::default();
        let asked = stop.clone();
        let (tell, taken) = std::sync::mpsc::sync_channel(1);
        // It lives until the process ends, which doesn't wait for it.
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let followed = block_on(async {
                let mut signals = match Signals::take() {
                    Ok(signals) => signals,
                    Err(error) => return tell.send(Err(error)).unwrap_or(()),
                };
                let _ = tell.send(Ok(()));
                let signal = signals.next().await;
                asked.0.store(true, Ordering::Relaxed);
                explain(&format!("{signal}: it ends, and says what was found; a second one ends it at once"));
                signals.next().await;
                last();
                std::process::exit(1);
            });
            if let Err(error) = followed {
                explain(&format!("signals are not followed: {error}"));
            }
        })?;
        taken.recv().unwrap_or(Ok(()))?;
        Ok(stop)
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A line for one thing, written again as it goes on; nothing where standard error is no terminal.
pub(super) struct Bar {
    label: String,
    stop: Stop,
    shown: bool,
    /// What stands there now, so that nothing is written that changes nothing.
    filled: Option<usize>,
}

/// Characters between the brackets.
const WIDTH: usize = 32;

impl Bar {
    pub(super) fn start(label: impl ToString, stop: &Stop) -> Self {
        Self { label: label.to_string(), stop: stop.clone(), shown: std::io::stderr().is_terminal(), filled: None }
    }

    /// So much of it is done, from 0 to 1; `count` stands behind the bar unless it is 0.
    pub(super) fn show(&mut self, share: f64, count: u64) {
        let filled = (share * WIDTH as f64) as usize;
        if !self.shown || self.filled == Some(filled) {
            return;
        }
        self.filled = Some(filled);
        let bar = "=".repeat(filled.min(WIDTH));
        let count = if count > 0 { count.to_string() } else { String::new() };
        write_again(&format!("{:>10} [{bar:<WIDTH$}] {count}", self.label));
    }
}

impl Watch for Bar {
    fn goes_on(&mut self, progress: Progress) -> bool {
        self.show(progress.share, progress.done);
        !self.stop.is_asked()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.filled.is_some() {
            write_again("");
        }
    }
}

/// Writes in place of the terminal's last line (ECMA-48 §8.3.41: erase in line). Where nobody can read it, it is lost.
fn write_again(line: &str) {
    let mut output = std::io::stderr().lock();
    let _ = write!(output, "\r\x1b[2K{line}").and_then(|()| output.flush());
}
