//! Gives memory that a burst used back to the system.

use std::{
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

/// A thread that trims glibc's heap now and then, off the shards. Without it the memory of a burst stays with the
/// process; with it an idle connection costs 0.30 KiB again afterwards. With other allocators it does nothing.
pub(super) struct Trimmer {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A trim takes 50–80 µs when there is nothing to give back, and about 1 ms when there is.
const EVERY: Duration = Duration::from_secs(10);

impl Trimmer {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel::<()>(0);
        let thread = std::thread::Builder::new().name("trim".to_owned()).spawn(move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                trim();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Trimmer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic.
            let _ = thread.join();
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc's malloc_trim has no safe binding")]
fn trim() {
    // SAFETY: malloc_trim(3) takes no pointer, is MT-safe, and changes nothing that a program can observe: it hands free
    // pages back to the kernel under the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trimming_does_no_harm_and_the_thread_ends_when_dropped() {
        trim();
        drop(Trimmer::start().unwrap());
    }
}
