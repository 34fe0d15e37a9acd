//! The real program, run as a user runs it: its own process, a fresh folder, a port of the system's choice.

mod client;
mod http;
mod process;

pub(crate) use client::Client;
pub(crate) use http::request;
pub(crate) use process::{Server, command, run};
