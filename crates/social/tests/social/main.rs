//! The pack through the real thing: a server on port 0, clients over real sockets, a real SQLite file.

mod acts;
mod announce;
mod app_tables;
mod cluster;
mod feed;
mod follows;
mod keeping;
mod postgres;
mod relations;
mod watchers;
mod world;
