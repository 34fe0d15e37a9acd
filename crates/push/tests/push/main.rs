//! The channels through the real thing: a server on port 0 with a SQLite file, and a push service and a backend on real sockets.

mod endpoint;
mod outbound;
mod subscriptions;
mod trouble;
mod web_push;
mod webhook;
mod world;
