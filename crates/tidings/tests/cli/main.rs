//! The program `tidings` as its users meet it: run as a process, on real folders, sockets and databases.
#![expect(clippy::unwrap_used, reason = "what a test can't set up ends it")]

mod app;
mod backup;
#[cfg(feature = "bench")]
mod bench;
mod client;
mod configuration;
mod demo;
mod guide_tables;
mod http;
mod jwks;
mod keys;
mod new;
#[cfg(feature = "bench")]
mod prove;
mod rollouts;
mod serve;
mod server;
mod spec;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod webhook;
