//! `[server]`

use std::{fmt, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use tidings_server::ServerOptions;

use crate::configuration::{Listen, Origin, Proxy, TimeSpan};

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServerSection {
    /// The address and port to listen on, for WebSocket and HTTP alike. Port 0 takes a free one, which the banner names.
    /// Flag: `--listen`.
    pub listen: Listen,
    /// The folder of the database, of the server's own secrets and of the lock. Made on the first start, readable by its
    /// owner alone. One server at a time may use it. Flag: `--data`.
    pub data: PathBuf,
    /// `sqlite` keeps messages in the data folder. `none` keeps no messages: they have no seq, there is no history, and groups
    /// are forgotten on a restart. Service keys, sessions and sign-outs are the data folder's, if `tidings keys new` has made
    /// one there before the start; otherwise there are none. Flag: `--store`.
    pub store: StoreKind,
    /// For trying things out: `?user=7` is believed, users may broadcast, and only loopback is listened on (any other
    /// address is refused). Flag: `--dev`.
    pub dev: bool,
    /// Origins of web pages that may connect and call, besides the server's own, such as `https://app.example`. A page from
    /// any other is refused with 403.
    pub origins: Vec<Origin>,
    /// Addresses or networks of proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For`, `-Host` and `-Proto` headers are
    /// believed. Without them every client behind a proxy has the proxy's address, and they share its limits.
    pub proxies: Vec<Proxy>,
    /// Whether every user may see whether anybody is online. Without it those who share a conversation see one another. Services
    /// always may.
    pub open_presence: bool,
    /// How long a client of `tidings.v1` may take to say `hello`. Then its connection is closed with 4408. Until then it counts
    /// as one that is no WebSocket: see `limits.http_connections`.
    #[schemars(extend("x-least" = "100ms"))]
    pub hello_timeout: TimeSpan,
    /// How long a client may take to send the head of a request. Then the connection is closed.
    #[schemars(extend("x-least" = "100ms"))]
    pub header_timeout: TimeSpan,
    /// How long a client may take to send the body of a request. Then it is answered with 408.
    #[schemars(extend("x-least" = "100ms"))]
    pub body_timeout: TimeSpan,
    /// The largest body of an HTTP request, in bytes. A larger one is answered with `too_large`.
    #[schemars(range(min = 1024, max = 16_777_216))]
    pub body_bytes: usize,
    /// On SIGTERM, connections are closed with 1012 evenly over this time, so that their clients do not come back all at
    /// once.
    pub drain_spread: TimeSpan,
    /// How long a stop may take in all before what is still open is cut: at least 3 s longer than `drain_spread`, for the
    /// answers to the last closes. The default fits within the 10 s after which Docker kills (`stop_grace_period`).
    pub drain_limit: TimeSpan,
}

/// What a stop needs beside the spread: the last connections closed may take 2 s to answer, then what was submitted is
/// committed.
pub(in crate::configuration) const DRAIN_REST: Duration = Duration::from_secs(3);

/// Where messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum StoreKind {
    /// In an SQLite database in the data folder.
    Sqlite,
    /// Nowhere.
    None,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::None => "none",
        })
    }
}

impl Default for ServerSection {
    fn default() -> Self {
        let ServerOptions { open_presence, hello_timeout, http, drain, .. } = ServerOptions::default();
        Self {
            listen: Listen(([127, 0, 0, 1], 8000).into()),
            data: PathBuf::from("./data"),
            store: StoreKind::Sqlite,
            dev: false,
            origins: Vec::new(),
            proxies: Vec::new(),
            open_presence,
            hello_timeout: TimeSpan(hello_timeout),
            header_timeout: TimeSpan(http.header_timeout),
            body_timeout: TimeSpan(http.body_timeout),
            body_bytes: http.body_bytes,
            drain_spread: TimeSpan(drain.spread),
            drain_limit: TimeSpan(drain.spread + DRAIN_REST),
        }
    }
}
