//! Ports on endpoints, against a backend with real sockets: what it is asked, and what becomes of its bad days.
#![expect(clippy::unwrap_used, reason = "a test that can not go on fails where it stands")]

mod contract;
mod ports;
mod support;
mod trouble;
