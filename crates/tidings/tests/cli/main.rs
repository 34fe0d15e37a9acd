//! The program `tidings` as its users meet it: run as a process, on real folders, sockets and databases.
#![expect(clippy::unwrap_used, reason = "what a test can't set up ends it")]

mod any_backend;
mod app;
mod app_blocks;
mod app_groups;
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
mod notifications;
mod preview;
#[cfg(feature = "bench")]
mod prove;
mod rollouts;
mod serve;
mod server;
mod spec;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
mod validators;
mod webhook;
mod why;
