//! What Tidings promises, proven on the program itself: its own process, real sockets, a real database, and clients that
//! know only the protocol.
#![expect(clippy::unwrap_used, reason = "what a proof can't set up ends it")]

mod broadcast;
mod bytes;
mod copied_folder;
mod crash;
mod full_disk;
mod group;
mod history;
mod identity;
mod kills;
mod last_seen;
mod limits;
mod masses;
mod nothing_kept;
mod online;
mod private;
mod refusals;
mod resume;
mod same_key;
mod services;
mod slow_readers;
#[path = "../../../sqlite/tests/store/small_disk.rs"]
mod small_disk;
#[path = "../support/mod.rs"]
mod support;
mod world;
mod writers;

/// Whether there is time for the long form of what has one: `cargo xtask test --thorough`.
fn is_thorough() -> bool {
    std::env::var_os("TIDINGS_THOROUGH").is_some()
}

/// Proves each case on a server of one shard and on one of two.
macro_rules! on_one_and_two_shards {
    ($($(#[$note:meta])* fn $case:ident($shards:ident: u16) $body:block)+) => {
        $($(#[$note])* fn $case($shards: u16) $body)+

        mod on_one_shard {
            $(#[test] fn $case() { super::$case(1); })+
        }

        mod on_two_shards {
            $(#[test] fn $case() { super::$case(2); })+
        }
    };
}
pub(crate) use on_one_and_two_shards;
