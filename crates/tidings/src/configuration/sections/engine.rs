//! `[engine]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_engine::Settings;

use crate::configuration::TimeSpan;

/// `[engine]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EngineSection {
    /// Threads that serve connections. Not set: half of the cores, at least 1, at most 16. HTTP, the database's writer
    /// and its readers have threads of their own.
    #[schemars(range(min = 1, max = 64))]
    pub shards: Option<u16>,
    /// A connection that was silent for so long is pinged.
    #[schemars(extend("x-least" = "100ms"))]
    pub ping_after: TimeSpan,
    /// How long after their last connection went a user is told to be offline. Who comes back within it was never away.
    pub offline_after: TimeSpan,
    /// A pinged connection that stays silent for so long is closed with 1001.
    #[schemars(extend("x-least" = "100ms"))]
    pub pong_within: TimeSpan,
    /// How long a handler may take with a message. Then its sender gets `unavailable`.
    #[schemars(extend("x-least" = "100ms"))]
    pub accept_within: TimeSpan,
    /// How long a kept message waits for room in the store's queue. Then its sender gets `unavailable`.
    #[schemars(extend("x-least" = "1ms"))]
    pub room_within: TimeSpan,
    /// Kept messages under way of one connection. With so many, reading from it pauses.
    #[schemars(range(min = 1, max = 4096))]
    pub sends_under_way: u16,
    /// Bytes of broadcasts that a shard keeps for readers that lag. A reader that falls off its end is closed with 4409.
    #[schemars(range(min = 262_144, max = 1_073_741_824))]
    pub everyone_log_bytes: usize,
    /// Bytes of group members held in memory. When full, the least recently used groups are dropped and read again on use.
    #[schemars(range(min = 65_536))]
    pub group_cache_bytes: u64,
    /// Threads for handlers' blocking work.
    #[schemars(range(min = 1, max = 256))]
    pub blocking_threads: usize,
    /// Blocking jobs that wait for a thread. One more gets `unavailable`.
    #[schemars(range(min = 1, max = 65_536))]
    pub blocking_queue: usize,
}

impl Default for EngineSection {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            shards: None,
            ping_after: TimeSpan(settings.ping_after),
            offline_after: TimeSpan(settings.offline_after),
            pong_within: TimeSpan(settings.pong_within),
            accept_within: TimeSpan(settings.accept_within),
            room_within: TimeSpan(settings.room_within),
            sends_under_way: settings.sends_under_way,
            everyone_log_bytes: settings.everyone_log_bytes,
            group_cache_bytes: settings.group_cache_bytes,
            blocking_threads: settings.blocking_threads,
            blocking_queue: settings.blocking_queue,
        }
    }
}
