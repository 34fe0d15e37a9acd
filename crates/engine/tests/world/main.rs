//! The engine as its clients see it, in a world without sockets, threads or clock.

mod audiences;
mod broadcast;
mod closing;
mod foreign_groups;
mod group;
mod handlers;
mod ids;
mod kept;
mod last_seen;
mod late;
mod leaving;
mod memberships;
mod messages;
mod presence;
mod presence_model;
mod private;
mod pruning;
mod receipts;
mod recipients;
mod refusals;
mod shards;
mod slow_readers;
mod timers;
mod topics;
mod turns;
mod watching;
