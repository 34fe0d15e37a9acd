//! How a store is opened: where, and with which bounds.

use std::{fmt, path::PathBuf, time::Duration};

use tidings_engine::clock::SharedClock;

/// Where a store is, and its bounds.
#[derive(Clone)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// The folder that holds `tidings.db`. Made where it is missing; both readable by the owner alone.
    pub folder: PathBuf,
    /// Threads that read, each with a connection of its own: 2.
    pub readers: usize,
    /// Reads that may wait for a thread: 1,024. One more is refused with [`StoreError::Full`](tidings_engine::ports::StoreError).
    pub queue_reads: usize,
    /// Acts that may wait for the writer: 4,096. One more stays with its submitter, who is told when there is room.
    pub queue_acts: usize,
    /// Acts in one commit: 256. The others wait for the next.
    pub commit_acts: usize,
    /// How long one statement of a pack or of [`query`](tidings_engine::ports::MessageStore::query) may run: 5 s. Then it is
    /// ended and counts as failed.
    pub statement_limit: Duration,
    /// Bytes that the database's file may grow to, if there is a bound. Then acts are answered `Unavailable`, as with a full
    /// disk. See [`SqliteStore::set_max_bytes`](crate::SqliteStore::set_max_bytes).
    pub max_bytes: Option<u64>,
    /// Bytes of the write-ahead log, 256 MiB, above which the writer has readers finish (for at most a second) and writes it
    /// back whole. Below, a commit now and then writes back what it can without waiting, which keeps it near 40 MB.
    pub log_bytes: u64,
    /// Pages of the log, 10,000, at which a commit writes back what it can. With SQLite's own 1,000 every spike is a checkpoint:
    /// measured 32,900 rows/s and p99 9.5 ms instead of 40,000 and 0.9 ms.
    pub checkpoint_pages: u32,
    /// Whether a database of an older version, or a new one, is migrated: it is. Otherwise it is refused as
    /// [`OpenError::Older`](crate::OpenError::Older), so that a command beside a running server never changes its tables.
    pub migrate: bool,
    /// What tells the time: for the end of sessions, of statements, and of waits between attempts to reopen.
    pub clock: SharedClock,
    /// A mistake that the writer makes on purpose.
    #[cfg(feature = "planted")]
    pub planted: Option<crate::Planted>,
    /// The disk of a test, which is told what the store does there past SQLite.
    #[cfg(feature = "planted")]
    pub disk: Option<std::sync::Arc<dyn crate::PlantedDisk>>,
}

impl SqliteOptions {
    /// A store in `folder`, with the bounds that stand at each field.
    pub fn new(folder: impl Into<PathBuf>, clock: SharedClock) -> Self {
        Self {
            folder: folder.into(),
            readers: 2,
            queue_reads: 1_024,
            queue_acts: 4_096,
            commit_acts: 256,
            statement_limit: Duration::from_secs(5),
            max_bytes: None,
            log_bytes: 256 << 20,
            checkpoint_pages: 10_000,
            migrate: true,
            clock,
            #[cfg(feature = "planted")]
            planted: crate::Planted::from_environment(),
            #[cfg(feature = "planted")]
            disk: None,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(crate::FILE)
    }

    /// How the writer's connection waits for the disk, as SQLite names it.
    pub(crate) fn synchronous(&self) -> &'static str {
        #[cfg(feature = "planted")]
        if self.planted == Some(crate::Planted::SynchronousNormal) {
            return "normal";
        }
        "full"
    }

    /// The write-ahead log, as SQLite names it.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join(format!("{}-wal", crate::FILE))
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions").field("folder", &self.folder).finish_non_exhaustive()
    }
}
