//! Bounds and times of an engine. Each field says what happens at its bound.

use std::time::Duration;

/// Bounds and times. [`Settings::default`] is what the server uses unless configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Threads that serve connections, 1 to 64.
    pub shards: u16,
    /// The largest message a client may send, in bytes; a larger one closes the connection with 1009.
    pub frame_bytes: usize,
    /// The most fragments of one message; more close the connection with 1009.
    pub fragments: u32,
    /// Bytes waiting for one reader whose socket takes nothing, broadcasts included. A message that does not fit closes the
    /// connection with 4409; what was kept is found in the history. A reader that takes what it gets may have four times as
    /// many until the shard's next write, which comes before anything more is read.
    pub outbox_bytes: usize,
    /// Bytes of broadcasts that a shard keeps for readers that lag. A reader that falls off its end is closed with 4409.
    pub everyone_log_bytes: usize,
    /// Connections flushed before a shard looks for new input.
    pub flush_budget: usize,
    /// A connection that was silent for so long is pinged.
    pub ping_after: Duration,
    /// How long after their last connection went a user is told to be offline. Who comes back within it was never away.
    pub offline_after: Duration,
    /// A pinged connection that stays silent for so long is closed with 1001.
    pub pong_within: Duration,
    /// How long a handler may take before its sender gets `unavailable`.
    pub accept_within: Duration,
    /// How long a send waits for room in the store's queue before its sender gets `unavailable`.
    pub room_within: Duration,
    /// Kept sends under way for one connection; reading pauses there.
    pub sends_under_way: u16,
    /// Bytes of a connection's messages that wait for an earlier one's answer; reading pauses there.
    pub held_bytes: usize,
    /// What waits in a shard's mailbox: publications, answers, new connections; and the publications for many that were taken
    /// out of it and have not reached everyone. When it is full the dispatcher waits, a sending connection stops reading, a
    /// call gets `unavailable`; answers and connections are taken all the same.
    pub mailbox_publications: usize,
    /// Bytes of group members kept in memory; the least recently used groups go.
    pub group_cache_bytes: u64,
    /// Threads for `Context::blocking`.
    pub blocking_threads: usize,
    /// Jobs that wait for a blocking thread; one more gets `unavailable`.
    pub blocking_queue: usize,
    /// Whether rates by type and sender are limited.
    pub limits: bool,
    /// Whether kept types are stored. Without it nothing is kept and messages have no seq (`--store none`).
    pub keep: bool,
    /// A mistake, for a simulation to find.
    #[cfg(feature = "planted")]
    pub planted: Option<crate::planted::Planted>,
}

/// As many as a set of shards has bits.
pub(crate) const MAX_SHARDS: u16 = 64;

impl Settings {
    /// Bytes beyond which a reader of `tidings.v1` is replayed nothing more, and what it asks for waits: so what is live has room.
    pub(crate) fn half_outbox(&self) -> usize {
        self.outbox_bytes / 2
    }

    /// With the least that an engine can work with in place of less.
    pub(crate) fn within_reason(mut self) -> Self {
        self.shards = self.shards.clamp(1, MAX_SHARDS);
        self.fragments = self.fragments.max(1);
        self.outbox_bytes = self.outbox_bytes.max(1024);
        self.everyone_log_bytes = self.everyone_log_bytes.max(1024);
        self.flush_budget = self.flush_budget.max(2);
        self.sends_under_way = self.sends_under_way.max(1);
        self.mailbox_publications = self.mailbox_publications.max(1);
        self.blocking_threads = self.blocking_threads.max(1);
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: 1,
            frame_bytes: 64 * 1024,
            fragments: 1024,
            outbox_bytes: 256 * 1024,
            everyone_log_bytes: 4 * 1024 * 1024,
            flush_budget: 16,
            offline_after: Duration::from_secs(10),
            ping_after: Duration::from_secs(25),
            pong_within: Duration::from_secs(10),
            accept_within: Duration::from_secs(5),
            room_within: Duration::from_secs(1),
            sends_under_way: 64,
            held_bytes: 128 * 1024,
            mailbox_publications: 16_384,
            group_cache_bytes: 64 * 1024 * 1024,
            blocking_threads: 4,
            blocking_queue: 1024,
            limits: true,
            keep: true,
            #[cfg(feature = "planted")]
            planted: None,
        }
    }
}
