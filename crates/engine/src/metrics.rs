//! The only place that names the engine's metrics. Labels are bounded: registered types, codes, close reasons, shards.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use tidings_wire::{CloseCode, Code};

use crate::rollout::Verdict;

/// The counters of one message type, looked up once.
pub(crate) struct TypeMetrics {
    name: &'static str,
    accepted: Counter,
    delivered: Counter,
    accept_seconds: Histogram,
    write_delay_seconds: Histogram,
}

impl TypeMetrics {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            accepted: counter!("tidings_messages_total", "type" => name, "outcome" => "accepted"),
            delivered: counter!("tidings_deliveries_total", "type" => name),
            accept_seconds: histogram!("tidings_accept_seconds", "type" => name),
            write_delay_seconds: histogram!("tidings_write_delay_seconds", "type" => name),
        }
    }

    /// A message was stored, or handed to the shards.
    pub(crate) fn accepted(&self) {
        self.accepted.increment(1);
    }

    /// A frame was put into so many outboxes.
    pub(crate) fn delivered(&self, connections: u64) {
        self.delivered.increment(connections);
    }

    /// A message was refused.
    pub(crate) fn refused(&self, code: Code) {
        counter!("tidings_messages_total", "type" => self.name, "outcome" => code.as_str()).increment(1);
    }

    /// A rollout that is not 100 percent said this of a sender: `share`, `named` or `off`.
    pub(crate) fn rolled_out(&self, verdict: Verdict) {
        counter!("tidings_rollout_total", "type" => self.name, "result" => verdict.as_str()).increment(1);
    }

    /// A message was written so long after it was read, or committed if it is kept. Told of some: at most 1,000 a second of a
    /// shard, of each the first recipient there.
    pub(crate) fn written_after(&self, time: std::time::Duration) {
        self.write_delay_seconds.record(time);
    }

    /// A handler took so long.
    pub(crate) fn accept_took(&self, time: std::time::Duration) {
        self.accept_seconds.record(time);
    }
}

/// A frame was refused before its type was known.
pub(crate) fn refused_untyped(code: Code) {
    counter!("tidings_messages_total", "type" => "unknown", "outcome" => code.as_str()).increment(1);
}

/// A type's code panicked.
pub(crate) fn handler_panicked(name: &'static str) {
    counter!("tidings_handler_panics_total", "type" => name).increment(1);
}

/// The counters of one shard, looked up once.
pub(crate) struct ShardMetrics {
    opened: Counter,
    open: Gauge,
    turn_seconds: Histogram,
}

impl ShardMetrics {
    pub(crate) fn new(shard: u16) -> Self {
        Self {
            opened: counter!("tidings_connections_opened_total"),
            turn_seconds: histogram!("tidings_turn_seconds", "shard" => shard.to_string()),
            open: gauge!("tidings_connections", "shard" => shard.to_string()),
        }
    }

    /// A turn took so long: reading what came, handling it, writing to at most a budget of connections. Told of one turn in 64.
    pub(crate) fn turn_took(&self, time: std::time::Duration) {
        self.turn_seconds.record(time);
    }

    /// A connection was opened.
    pub(crate) fn opened(&self) {
        self.opened.increment(1);
        self.open.increment(1.0);
    }

    /// A connection was closed: by the server with a code, or by its peer.
    pub(crate) fn closed(&self, code: Option<CloseCode>) {
        counter!("tidings_connections_closed_total", "reason" => code.map_or("peer", CloseCode::reason)).increment(1);
        self.open.decrement(1.0);
    }
}

/// So many messages were delivered though nobody told of their commits.
pub(crate) fn delivered_late(messages: usize) {
    counter!("tidings_late_deliveries_total").increment(messages as u64);
}

/// A user's last seen was not saved, because too many waited.
pub(crate) fn last_seen_dropped() {
    counter!("tidings_last_seen_dropped_total").increment(1);
}

/// So many messages of a type were deleted, because they were kept as long as the type is.
pub(crate) fn pruned(name: &'static str, messages: u64) {
    counter!("tidings_pruned_messages_total", "type" => name).increment(messages);
}

/// Messages of a type that are too old could not be deleted.
pub(crate) fn not_pruned(name: &'static str) {
    counter!("tidings_prune_failures_total", "type" => name).increment(1);
}

/// From submitting acts to their commit, as the dispatcher sees them.
pub(crate) fn committed(acts: usize) {
    counter!("tidings_commits_total").increment(1);
    histogram!("tidings_commit_acts").record(acts as f64);
}
