//! loom's primitives under the names of the standard library's.

use std::sync::LockResult;

pub(crate) use loom::sync::{Mutex, MutexGuard};

/// As in the standard library, but for stores.
pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

    /// loom's, with stores that have a place in the order of modifications.
    ///
    /// loom knows that order as far as threads have seen each other's values. A store that nobody has seen yet and an exchange
    /// of another thread stay unordered, so a later exchange may read either of them as the newest; C++ and Rust have one
    /// order of all modifications of an atomic, in which an exchange stands right behind what it read. An exchange whose
    /// reading half is relaxed has its place there, and tells its thread no more than a store would.
    #[derive(Debug)]
    pub(crate) struct AtomicBool(loom::sync::atomic::AtomicBool);

    impl AtomicBool {
        pub(crate) fn new(value: bool) -> Self {
            Self(loom::sync::atomic::AtomicBool::new(value))
        }

        pub(crate) fn store(&self, value: bool, ordering: Ordering) {
            assert_eq!(
                ordering,
                Ordering::SeqCst,
                "the mailbox uses no other, and any weaker one would be made stronger here"
            );
            self.0.swap(value, Ordering::Release);
        }

        pub(crate) fn swap(&self, value: bool, ordering: Ordering) -> bool {
            self.0.swap(value, ordering)
        }
    }
}

/// loom's, with the one method that it lacks.
#[derive(Debug)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.0.wait(guard)?;
        }
        Ok(guard)
    }
}
