//! The program `tidings` as its users meet it: run as a process, on real folders, sockets and databases.
#![expect(clippy::unwrap_used, reason = "what a test can't set up ends it")]

mod configuration;
mod demo;
mod keys;
mod serve;
mod spec;
mod support;
mod tokens;
