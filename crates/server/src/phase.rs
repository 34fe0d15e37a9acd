//! How far the server is: `/readyz` and the door for upgrades ask.

use std::sync::atomic::{AtomicBool, Ordering};

/// Serving, or on its way out. There is no way back.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    draining: AtomicBool,
}

impl Phase {
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
