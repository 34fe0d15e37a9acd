//! A shard: one thread's part of the connections, as a state machine without sockets, threads or clock.

mod connection;
mod everyone;
mod input;
mod machine;
mod mail;
mod outbox;
mod output;
mod slot;
mod wheel;

pub use machine::{Flow, Shard, Sockets};
pub(crate) use mail::{Answer, Letter};
pub use mail::{Done, Effect, Mail, Ticket};
pub use slot::Slot;
