//! A shard: one thread's part of the connections, as a state machine without sockets, threads or clock.

mod slot;

pub use slot::Slot;
