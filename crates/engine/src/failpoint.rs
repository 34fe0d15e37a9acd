//! Points at which the process kills itself, so that a test sees a crash exactly there. Only with the feature `failpoints`,
//! which nothing but tests asks for.
//!
//! `TIDINGS_TEST_FAILPOINT=after-commit:37` names the point and the how manyth passing is the last. The end is `SIGKILL` to
//! itself: nothing is unwound, written back or closed.

use std::{
    process,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::process::{Signal, getpid, kill_process};

/// The variable that names the point.
pub const VARIABLE: &str = "TIDINGS_TEST_FAILPOINT";

/// Where a process may be told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failpoint {
    /// Acts are written into their transaction, which is not committed.
    BeforeCommit,
    /// Acts are committed, and nobody was told.
    AfterCommit,
    /// What was committed is handed to one shard of those that have its readers, or its sender who waits for the acknowledgement.
    Dispatched,
    /// Bytes are written to one connection, and others wait for theirs: in the middle of a fan-out, or behind an
    /// acknowledgement and before the fan-out.
    Written,
}

impl Failpoint {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::BeforeCommit, Self::AfterCommit, Self::Dispatched, Self::Written];

    /// How the variable names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
            Self::Dispatched => "dispatched",
            Self::Written => "written",
        }
    }

    /// Passes the point, or ends here.
    pub fn pass(self) {
        let Some((point, left)) = &*CHOSEN else { return };
        // Once it is at nothing it wraps, and the process is gone long before it comes round.
        if *point == self && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let _ = kill_process(getpid(), Signal::KILL);
            // The signal is on its way, and nothing may happen behind this point.
            process::abort();
        }
    }
}

/// The point, and how many passings are left.
static CHOSEN: LazyLock<Option<(Failpoint, AtomicU64)>> = LazyLock::new(|| {
    let value = std::env::var(VARIABLE).ok()?;
    let chosen = read(&value);
    assert!(chosen.is_some(), "{VARIABLE} is a name and a number, such as after-commit:37, not {value}");
    chosen
});

fn read(value: &str) -> Option<(Failpoint, AtomicU64)> {
    let (name, passing) = value.split_once(':')?;
    let point = Failpoint::ALL.into_iter().find(|point| point.name() == name)?;
    Some((point, AtomicU64::new(passing.parse().ok().filter(|&passing| passing > 0)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_names_a_point_and_a_passing() {
        for point in Failpoint::ALL {
            let (found, left) = read(&format!("{}:3", point.name())).unwrap();
            assert_eq!((found, left.into_inner()), (point, 3));
        }
        for wrong in ["", "after-commit", "after-commit:0", "after-commit:x", "nowhere:1"] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
