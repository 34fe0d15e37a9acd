//! What a server may be told beside its message types and ports: identity, origins, proxies, limits, times.

use std::time::Duration;

use crate::{auth::TokenRules, origin::AllowedOrigin, proxies::Network};

/// How a server treats those who connect. Each field names its default; [`ServerOptions::default`] accepts sessions and
/// service keys, but no tokens, because there is no key to check them with.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// For trying things out on one's own machine: `?user=7` is taken as identity (on the WebSocket and over HTTP), such a
    /// caller may also do what service keys may, and everybody sees everybody's presence. Off by default; never on where
    /// strangers reach the port.
    pub dev: bool,
    /// How bearer tokens are checked. None (the default): every token is refused.
    pub tokens: Option<TokenRules>,
    /// The cookie whose value the `SessionResolver` gets. Default `tidings_session`.
    pub session_cookie: String,
    /// How long a session that was found good is taken without asking its resolver again: so long, at most, may one that was
    /// deleted open connections. Zero asks each time. Default 10 s.
    pub session_memory: Duration,
    /// Web pages of these origins may connect, and call `/v1` with credentials, beside pages of the server's own host and
    /// port. Empty by default. The setting is named `origins` in refusals.
    pub origins: Vec<AllowedOrigin>,
    /// Reverse proxies whose `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto` are believed. Empty by default.
    /// The setting is named `proxies` in refusals.
    pub proxies: Vec<Network>,
    /// Whether everybody may see everybody's presence. Default false (`dev`: true): those who share a conversation see one another,
    /// unless the app brings a port for it. Services always may.
    pub open_presence: bool,
    /// Patterns of topics that every user may watch, in which `*` stands for any characters: `score:*`. Empty by default; with `dev`
    /// all topics are open. The setting is named `topics.open` in refusals.
    pub open_topics: Vec<Box<str>>,
    /// How long a connection of `tidings.v1` may take, from its upgrade on, until it has said `hello`; then it is closed with
    /// 4408. Until then it counts as an HTTP connection. Default 5 s.
    pub hello_timeout: Duration,
    /// What is remembered of users whom the app knows.
    pub users: UserOptions,
    /// Bounds of HTTP connections and requests.
    pub http: HttpOptions,
    /// How many connections one user and one address may have.
    pub limits: LimitOptions,
    /// How a stop goes.
    pub drain: DrainOptions,
}

/// What is remembered of users whom the app knows ([`App::users`](crate::App::users)).
#[derive(Clone, Debug)]
pub struct UserOptions {
    /// Users that are remembered; the least used of more go, and are asked for again. Default 100,000.
    pub entries: u64,
    /// How old what is remembered may be when it is used. Default 30 s.
    pub max_age: Duration,
}

/// Bounds of HTTP connections and requests.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long a request's head may take, and how long an idle connection is kept for the next one. Then it is closed
    /// without an answer. Default 10 s.
    pub header_timeout: Duration,
    /// How long a request's body may take as a whole; then 408. Default 10 s.
    pub body_timeout: Duration,
    /// The most header fields of a request; more are answered with 431. Default 64.
    pub header_fields: usize,
    /// Bytes of a request's head; more are answered with 431. At least 8 KiB; default 32 KiB.
    pub header_bytes: usize,
    /// Bytes of a request's body; more are answered with 413. Default 64 KiB.
    pub body_bytes: usize,
    /// Open connections that are not (yet) WebSockets, those of `tidings.v1` that have not said `hello` included. At the bound the server stops accepting until one ends, which
    /// `header_timeout` sees to. Default 8,192.
    pub connections: usize,
    /// The same for one address (IPv6: one /64) that is no declared proxy; more are closed at once, unanswered. Default
    /// 1,024. Lifted together with [`LimitOptions::enabled`].
    pub connections_per_address: u32,
}

/// How many WebSocket connections one user and one address may have; one more is refused with 429, or closed with 4429 where
/// it speaks `tidings.v1` and the user is at the bound.
#[derive(Clone, Debug)]
pub struct LimitOptions {
    /// False lifts the limits of connections; rates are lifted by the engine's `Settings::limits`. Default true.
    pub enabled: bool,
    /// For each user. Default 20.
    pub connections_per_user: u32,
    /// For each address; IPv6 addresses count by their /64. Default 1,000.
    pub connections_per_address: u32,
}

/// How a stop goes.
#[derive(Clone, Debug)]
pub struct DrainOptions {
    /// Connections are closed with 1012 evenly over this time, so that they do not all come back at once. Default 5 s.
    pub spread: Duration,
    /// After so long, connections that still have not gone are cut. Default 8 s: with what else a stop does it stays within the ten seconds that most supervisors give.
    pub limit: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            dev: false,
            tokens: None,
            session_cookie: "tidings_session".into(),
            session_memory: Duration::from_secs(10),
            origins: Vec::new(),
            proxies: Vec::new(),
            open_presence: false,
            open_topics: Vec::new(),
            hello_timeout: Duration::from_secs(5),
            users: UserOptions::default(),
            http: HttpOptions::default(),
            limits: LimitOptions::default(),
            drain: DrainOptions::default(),
        }
    }
}

impl Default for UserOptions {
    fn default() -> Self {
        Self { entries: 100_000, max_age: Duration::from_secs(30) }
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            header_fields: 64,
            header_bytes: 32 * 1024,
            body_bytes: 64 * 1024,
            connections: 8_192,
            connections_per_address: 1_024,
        }
    }
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self { enabled: true, connections_per_user: 20, connections_per_address: 1_000 }
    }
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self { spread: Duration::from_secs(5), limit: Duration::from_secs(8) }
    }
}
