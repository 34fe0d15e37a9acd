//! A world without sockets, threads or clock: an engine's node with in-memory connections and typed clients around it.

mod backend;
mod builder;
mod client;
mod gate;
mod machine;
mod peer;
mod pipe;

pub use backend::{Backend, Pending};
pub use builder::{WorldBuilder, world};
pub use client::Client;
pub use gate::Hold;
pub use machine::{StoreGate, World};
