//! The primitives that `mailbox` is made of. They are named here, so that the model checker in `checks/loom` can put its own in
//! their place and compile the very same file.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// As in the standard library.
pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}
