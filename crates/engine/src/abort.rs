//! A panic of a shard, the dispatcher or the store's writer is the end of the process: others would wait for it for ever, and a
//! restart recovers what was committed.

/// Runs a thread's work, and ends the process where it panics. The panic's own message is on standard error by then.
pub(crate) fn on_panic(thread: &str, work: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
        tracing::error!(thread, "a thread that all depends on panicked: the process ends");
        std::process::abort();
    }
}
