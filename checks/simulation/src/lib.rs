//! A deployment in one thread, driven by a seed: clients that keep the protocol's rules, the real shards, pipeline and dispatcher
//! without sockets, a network that delays and cuts, a process that crashes, a disk that knows what was synced.
//!
//! Each step is chosen by the seed; the same seed gives the same bytes. After the last step everything is mended, and then must
//! hold: whatever was acknowledged is stored, with the id and place that were told; nothing is stored twice; and each
//! client's log of each stream is what the store has, without a hole and without a repeat within a connection.
//!
//! # Map
//! | file | holds |
//! |---|---|
//! | `disk` | the store: commits in memory, what was synced of it, and the mistakes a store can make |
//! | `app` | a client on a connection: `bench::app`, the client as the protocol wants it |
//! | `run` | the steps, the crash, the end |
//! | `compare` | what must hold then |
//!
//! # Planted mistakes
//! Those of the engine are [`tidings_engine::Planted`], those of the store [`Flaw`]. `tests/planted.rs` shows that each is found; its
//! page has the list.
#![forbid(unsafe_code)]

mod app;
mod compare;
mod disk;
mod run;

pub use disk::Flaw;
pub use run::{Outcome, Setup, simulate};
