//! The engine's mailbox under [loom](https://docs.rs/loom), which tries every order in which a model's threads can meet, and
//! ends with a panic where they wait for ever or an assertion fails.
//!
//! `mailbox` is compiled from the engine's own file, with loom's primitives in [`sync`] in place of the standard library's. So
//! nothing is built with `--cfg loom`, and `cargo test` runs the models as any other test.
//!
//! # What the models show
//! - A push, whenever it comes, is seen by the shard or wakes it ([`wake`]).
//! - Who found a mailbox full hears when there is room, the dispatcher too ([`room`]).
//! - A mailbox that was closed holds nothing and keeps nobody waiting ([`closed`]).
//!
//! # How it is known that they can fail
//! [`wake::a_shard_that_does_not_heed_the_mailbox`] looks into the queue before it arms, which loses a wake: a test expects
//! loom to find that. The same mistake within the mailbox (in `Mailbox::arm`, the look into the queue before the store to
//! `armed`), a push that looks at `armed` before it has put its mail in, a `has_room` that does not look again after it has
//! left its name, a `take`, a `hold` or a `close` that does not notify, and a push that does not heed `closed`: each was planted by hand,
//! and each was found. Behind the first panic loom may end the process; the first is the one that tells.
//!
//! # Limits
//! loom weakens `SeqCst` to acquire and release, so what passes here does not rest on a total order. Models with three threads
//! are searched up to a number of forced switches ([`model`]), or they would take hours.
#![forbid(unsafe_code)]

pub mod closed;
#[path = "../../../crates/engine/src/mailbox.rs"]
mod mailbox;
pub mod model;
pub mod room;
mod sync;
pub mod wake;

/// What the engine's file wants of its neighbour.
mod directory {
    pub(crate) type ShardSet = u64;
}
