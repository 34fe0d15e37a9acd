//! The pack through the real thing: a server on port 0, clients over real sockets, a real SQLite file.

mod counters;
mod likes;
mod trace;
mod wanted;
mod world;
