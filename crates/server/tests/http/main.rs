//! The server over real sockets: what a client, a browser and an attacker see.

#![expect(clippy::unwrap_used, reason = "a test that can not go on fails where it stands")]

mod api;
mod changed;
mod client;
mod connections;
mod dialect;
mod embedded;
mod erasure;
mod greeting;
mod history;
mod identity;
mod limits;
mod packs;
mod presence;
mod renewal;
mod repeats;
mod rollouts;
mod types;
mod upgrade;
mod users;
mod web_pages;
mod world;
