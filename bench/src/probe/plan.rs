//! Who connects, where to, for how long, and how fast.

use std::net::SocketAddr;
use std::time::Duration;

use super::pace::Rate;

/// A user of the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id as it stands in JSON: an integer, or a UUID in quotes.
    pub id: String,
    /// The head of the request for the upgrade; see [`crate::handshake::request`].
    pub request: String,
}

/// What a probe keeps to.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's address.
    pub address: SocketAddr,
    /// One connection each, all of different users.
    pub people: Vec<Person>,
    /// How long each thing is asked. Sending ends then; what is under way is waited for, at most [`Plan::silence`].
    pub time: Duration,
    /// Deliveries a second at most, over all users.
    pub rate: Rate,
    /// Bytes of a message's content; never fewer than a counter needs.
    pub content_bytes: usize,
    /// Told from the contents of other probes by this number.
    pub mark: u32,
    /// What is awaited and doesn't come within this time is lost.
    pub silence: Duration,
    /// The server's process, if it is on this machine: CPU and memory are charged to it.
    pub pid: Option<u32>,
}
