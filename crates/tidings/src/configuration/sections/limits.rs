//! `[limits]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// Whether rates and numbers of connections are limited. `false` lifts those, for measuring; sizes stay bounded.
    pub enabled: bool,
    /// The largest message a client may send, in bytes. A larger one closes its connection with 1009.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub frame_bytes: usize,
    /// The most fragments of one message. One more closes its connection with 1009.
    #[schemars(range(min = 1, max = 65_535))]
    pub fragments: u32,
    /// The most connections of one user. One more is refused with 429, or closed with 4429 where it speaks `tidings.v1`; those that are open stay.
    #[schemars(range(min = 1))]
    pub connections_per_user: u32,
    /// The most connections of one client address (IPv6: of one /64). One more is refused with 429; the log suspects a
    /// proxy that `server.proxies` does not name.
    #[schemars(range(min = 1))]
    pub connections_per_address: u32,
    /// The most open connections that are not WebSockets (yet). With so many, accepting pauses until one ends, which
    /// `server.header_timeout` sees to.
    #[schemars(range(min = 1))]
    pub http_connections: usize,
    /// The same for one address that is no proxy of `server.proxies`. One more is closed unanswered.
    #[schemars(range(min = 1))]
    pub http_connections_per_address: u32,
    /// The bytes that wait for one reader. A message that does not fit closes the connection with 4409; what was kept is
    /// found in the history.
    #[schemars(range(min = 196_608, max = 67_108_864))]
    pub outbox_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let (engine, server) = (tidings_engine::Settings::default(), tidings_server::ServerOptions::default());
        Self {
            enabled: engine.limits,
            frame_bytes: engine.frame_bytes,
            fragments: engine.fragments,
            connections_per_user: server.limits.connections_per_user,
            connections_per_address: server.limits.connections_per_address,
            http_connections: server.http.connections,
            http_connections_per_address: server.http.connections_per_address,
            outbox_bytes: engine.outbox_bytes,
        }
    }
}
