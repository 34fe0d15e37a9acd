//! How large the database's write-ahead log gets while a run goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::setup::log_bytes;

/// The file's length is looked at this often. It grows by some MiB a second, so what is missed is little.
const EVERY: Duration = Duration::from_millis(10);

/// Looks at it from now on.
pub struct LogWatch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl LogWatch {
    /// Watches the log of the database in a data folder.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        let (stop, data): (_, PathBuf) = (Arc::new(AtomicBool::new(false)), data.to_owned());
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut most = log_bytes(&data);
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(EVERY);
                most = most.max(log_bytes(&data));
            }
            most
        });
        Self { stop, thread: Some(thread) }
    }

    /// The most bytes seen.
    #[must_use]
    pub fn most_bytes(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("it is taken here only").join().expect("it doesn't panic")
    }
}

impl Drop for LogWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_length_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LogWatch::start(folder.path()).most_bytes(), 0);
        std::fs::write(folder.path().join("tidings.db-wal"), [0; 700]).unwrap();
        assert_eq!(LogWatch::start(folder.path()).most_bytes(), 700);
    }
}
