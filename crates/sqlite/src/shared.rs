//! What the writer, the readers and every handle share.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use tidings_engine::ports::CommitSink;

use crate::{open::Meta, options::SqliteOptions, readers::Readers};

/// What the writer, the readers and every handle share.
pub(crate) struct Shared {
    pub(crate) options: Arc<SqliteOptions>,
    /// As of the opening.
    pub(crate) meta: Meta,
    pub(crate) readers: Readers,
    sink: Mutex<Option<Arc<dyn CommitSink>>>,
    health: Mutex<Option<String>>,
    /// `u64::MAX` for no bound.
    max_bytes: AtomicU64,
}

const POISON: &str = "nothing panics while it holds this lock";

impl Shared {
    pub(crate) fn new(options: Arc<SqliteOptions>, meta: Meta, readers: Readers) -> Self {
        let max_bytes = AtomicU64::new(options.max_bytes.unwrap_or(u64::MAX));
        Self { options, meta, readers, sink: Mutex::default(), health: Mutex::default(), max_bytes }
    }

    pub(crate) fn sink(&self) -> Option<Arc<dyn CommitSink>> {
        self.sink.lock().expect(POISON).clone()
    }

    pub(crate) fn set_sink(&self, sink: Arc<dyn CommitSink>) {
        *self.sink.lock().expect(POISON) = Some(sink);
    }

    pub(crate) fn health(&self) -> Option<String> {
        self.health.lock().expect(POISON).clone()
    }

    pub(crate) fn set_health(&self, wrong: Option<String>) {
        *self.health.lock().expect(POISON) = wrong;
    }

    pub(crate) fn max_bytes(&self) -> Option<u64> {
        Some(self.max_bytes.load(Ordering::Relaxed)).filter(|&bytes| bytes != u64::MAX)
    }

    pub(crate) fn set_max_bytes(&self, bytes: Option<u64>) {
        self.max_bytes.store(bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
