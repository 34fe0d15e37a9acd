//! `[sqlite]`

use std::{path::Path, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_engine::clock::{SharedClock, SystemClock};
use tidings_sqlite::SqliteOptions;

use crate::configuration::TimeSpan;

/// `[sqlite]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SqliteSection {
    /// Threads that read the database, each with a connection of its own. One writes, always.
    #[schemars(range(min = 1, max = 64))]
    pub readers: usize,
    /// Reads that wait for a thread. One more is answered with `unavailable`.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub queue_reads: usize,
    /// Kept messages and other acts that wait for the writer. One more waits for room, at most `engine.room_within`.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub queue_acts: usize,
    /// The most acts in one commit. The others wait for the next.
    #[schemars(range(min = 1, max = 65_536))]
    pub commit_acts: usize,
    /// How long one statement of a handler or pack may run. Then it counts as failed.
    #[schemars(extend("x-least" = "100ms"))]
    pub statement_limit: TimeSpan,
    /// The size in bytes that the database may grow to. Then kept messages are answered with `unavailable`, as with a full
    /// disk; all else goes on.
    #[schemars(range(min = 1_048_576))]
    pub max_bytes: Option<u64>,
}

impl SqliteSection {
    /// The same for the store.
    pub fn options(&self, folder: &Path, clock: SharedClock) -> SqliteOptions {
        let mut options = SqliteOptions::new(folder, clock);
        options.readers = self.readers;
        options.queue_reads = self.queue_reads;
        options.queue_acts = self.queue_acts;
        options.commit_acts = self.commit_acts;
        options.statement_limit = self.statement_limit.0;
        options.max_bytes = self.max_bytes;
        options
    }
}

impl Default for SqliteSection {
    fn default() -> Self {
        let options = SqliteOptions::new("", Arc::new(SystemClock::new()));
        Self {
            readers: options.readers,
            queue_reads: options.queue_reads,
            queue_acts: options.queue_acts,
            commit_acts: options.commit_acts,
            statement_limit: TimeSpan(options.statement_limit),
            max_bytes: options.max_bytes,
        }
    }
}
