//! What the tests on real files share.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tidings_engine::clock::{Clock, Now};
use tidings_sqlite::{FILE, SqliteOptions, SqliteStore};
use tidings_testkit::contract::World;

/// A clock that is set by hand. Its monotonic time is the same.
pub(crate) struct Hand(AtomicI64);

impl Hand {
    /// A clock that stands at a Unix second.
    pub(crate) fn at(unix: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(unix)))
    }

    /// Sets it.
    pub(crate) fn set(&self, unix: i64) {
        self.0.store(unix, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Now {
        let unix = self.0.load(Ordering::Relaxed);
        Now { unix_ms: unix * 1_000, mono: Duration::from_secs(unix as u64) }
    }
}

/// A folder for one test, which goes with it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    /// Where.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The database's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.path().join(FILE)
    }

    /// The options of a store in it.
    pub(crate) fn options(&self, clock: Arc<Hand>) -> SqliteOptions {
        SqliteOptions::new(self.path(), clock)
    }

    /// Opens the store.
    pub(crate) fn open(&self, clock: Arc<Hand>) -> SqliteStore {
        SqliteStore::open(self.options(clock)).expect("the store opens")
    }

    /// A connection of somebody else's.
    pub(crate) fn connection(&self) -> Connection {
        Connection::open(self.file()).expect("the file opens")
    }
}

/// Waits until the store says by itself that it works.
pub(crate) fn until_healthy(world: &World) {
    let begin = Instant::now();
    while let Some(wrong) = world.store().health() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{wrong}");
        std::thread::yield_now();
    }
}
