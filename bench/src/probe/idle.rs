//! Connections that do nothing.

use std::time::Instant;

use super::run::{ProbeError, Timed};
use crate::load::{LoadError, Outgoing, Scene, TICK};

/// Counts what comes unasked.
#[derive(Default)]
pub(super) struct Idle {
    of_others: u64,
}

impl Idle {
    pub(super) fn of_others(&self) -> u64 {
        self.of_others
    }
}

impl Scene for Idle {
    fn message(&mut self, _: usize, _: &[u8], _: Instant, _: &mut Outgoing) -> Result<(), LoadError> {
        self.of_others += 1;
        Ok(())
    }

    fn done(&self) -> bool {
        true
    }
}

impl Timed for Idle {
    fn due(&mut self, now: Instant, _: bool, _: &mut Outgoing) -> Result<Instant, ProbeError> {
        Ok(now + TICK)
    }

    fn counted(&self) -> u64 {
        0
    }
}
