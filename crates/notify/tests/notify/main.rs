//! The pack through the real thing: a server on port 0, clients over real sockets, a real SQLite file.

#[path = "../../../social/tests/social/cluster.rs"]
mod cluster;
mod counters;
mod going;
mod likes;
mod postgres;
mod trace;
mod wanted;
mod world;
