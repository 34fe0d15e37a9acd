//! A shard: one thread's part of the connections, as a state machine without sockets, threads or clock.
//!
//! In the order that a message passes: `machine` has the state and what the driver calls; `connection` is one of its tenants,
//! `slot` the tenant's name; `input` goes from bytes to messages under way, `letters` and `mail` are what others hand in,
//! `crossing` hands publications to other shards, `orphans` are messages whose connection went while they waited, `fanout` spreads what is for many over turns, by way of `lanes` and with the `users`' connections; `output` goes from publications to sockets by
//! way of each reader's `outbox` and the log for all, `everyone`, and `sample` measures how long that takes; `timers`, with its `wheel`, sees to what time does to a
//! connection. Of `tidings.v1`: `session` is what such a connection has beside, `resume` leads it from `hello` to live, and `inbox` its user's inbox, with what `readings` read, `control` takes
//! what it asks for, `acks` answers what it sent, `watching` is what it watches, `doubting` and `topics` ask again whether it may,
//! `telling` is how it is told of that.

mod acks;
mod connection;
mod control;
mod crossing;
mod doubting;
mod everyone;
mod fanout;
mod inbox;
mod input;
mod lanes;
mod letters;
mod machine;
mod mail;
mod orphans;
mod outbox;
mod output;
mod readings;
mod resume;
mod sample;
mod session;
mod slot;
mod telling;
mod timers;
mod topics;
mod users;
mod watching;
mod wheel;

pub(crate) use crossing::Crossing;
pub use machine::{Flow, Shard, Sockets};
pub(crate) use mail::{Answer, Letter};
pub use mail::{Done, Effect, Mail, Ticket};
pub use slot::Slot;
