//! A server on port 0, with ports in memory and a clock that is stepped by hand.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use futures_util::{FutureExt, future};
use tidings_engine::{
    clock::{Clock, Now},
    ports::{BoxFuture, KeyRecord, ServiceKeys, Session, SessionResolver, StoreError},
};
use tidings_server::{
    App, DrainOptions, HttpOptions, LimitOptions, ServerOptions, Tidings,
    auth::{NewToken, TokenAlgorithm, TokenRules, generate_key, new_token},
};
use tidings_wire::UserId;
use tokio::sync::oneshot;

use crate::{
    client::{Answer, Client, Socket},
    types::{Alarm, Cheer, Poke},
};

pub(crate) const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
pub(crate) const START: i64 = 1_700_000_000;

/// A running server. It is stopped when dropped.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) tidings: Tidings,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) keys: Arc<MemoryKeys>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Options under which tests end quickly.
pub(crate) fn options() -> ServerOptions {
    ServerOptions {
        tokens: Some(TokenRules::new(TokenAlgorithm::Hs256, SECRET).unwrap()),
        drain: DrainOptions { spread: Duration::ZERO, limit: Duration::from_secs(10) },
        ..ServerOptions::default()
    }
}

pub(crate) fn dev() -> ServerOptions {
    ServerOptions { dev: true, ..options() }
}

pub(crate) fn with_http(change: impl FnOnce(&mut HttpOptions)) -> ServerOptions {
    let mut options = dev();
    change(&mut options.http);
    options
}

pub(crate) fn with_limits(connections_per_user: u32, connections_per_address: u32) -> ServerOptions {
    ServerOptions { limits: LimitOptions { enabled: true, connections_per_user, connections_per_address }, ..dev() }
}

/// The app of these tests, with what is needed to act on it.
pub(crate) fn app(options: ServerOptions) -> (App, Arc<HandClock>, Arc<MemoryKeys>) {
    let (clock, keys) = (Arc::new(HandClock::default()), Arc::new(MemoryKeys::default()));
    let app = App::new().message::<Poke>().message::<Cheer>().message::<Alarm>();
    let app = app.options(options).clock(clock.clone()).keys(keys.clone()).sessions(Arc::new(MemorySessions));
    (app, clock, keys)
}

impl World {
    pub(crate) fn new(options: ServerOptions) -> Self {
        let (app, clock, keys) = app(options);
        let server = app.build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, handle) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let running = server.start().await.unwrap();
                started.send(running.handle()).unwrap();
                running.serve(listener, stopped.map(drop)).await.unwrap();
            });
        });
        let tidings = handle.recv().unwrap();
        Self { address, tidings, clock, keys, stop: Some(stop), thread: Some(thread) }
    }

    /// A plain connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.client().ask(method, path, headers, body)
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, "")
    }

    /// Tries to open a WebSocket.
    pub(crate) fn upgrade(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Answer> {
        self.client().upgrade(path, headers)
    }

    /// A WebSocket of a user of a `dev` server.
    pub(crate) fn socket(&self, user: u32) -> Socket {
        self.upgrade(&format!("/ws?user={user}"), &[]).unwrap_or_else(|answer| panic!("{answer:?}"))
    }

    /// A bearer's header with a token that holds for an hour.
    pub(crate) fn token(&self, user: u32) -> String {
        bearer(&new_token(SECRET, &for_an_hour(user), self.clock.now()).unwrap())
    }

    /// A bearer's header with a service key of these scopes.
    pub(crate) fn key(&self, scopes: &str) -> String {
        bearer(&self.keys.make(scopes))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

pub(crate) fn for_an_hour(user: u32) -> NewToken<'static> {
    let ttl = Duration::from_secs(3_600);
    NewToken { user: UserId::new(user), ttl, issuer: None, audience: None, user_claim: "sub" }
}

pub(crate) fn bearer(text: &str) -> String {
    format!("Bearer {text}")
}

/// The path of something of a user below `/v1`.
pub(crate) fn of_user(user: u32, rest: &str) -> String {
    ["/v1", "users", &user.to_string(), rest].join("/")
}

/// Time stands still until it is stepped.
pub(crate) struct HandClock(Mutex<Now>);

impl Default for HandClock {
    fn default() -> Self {
        Self(Mutex::new(Now { mono: Duration::ZERO, unix_ms: START * 1_000 }))
    }
}

impl HandClock {
    pub(crate) fn step(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        now.mono += by;
        now.unix_ms += by.as_millis() as i64;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }
}

/// The session `ann` is user 1's; it ends 100 s after the start.
struct MemorySessions;

impl SessionResolver for MemorySessions {
    fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        let session = Session { user: UserId::new(1), expires_at: Some(START + 100) };
        future::ready(Ok((cookie == "ann").then_some(session))).boxed()
    }
}

/// Service keys, with a note of each use.
#[derive(Default)]
pub(crate) struct MemoryKeys {
    keys: Mutex<HashMap<[u8; 32], KeyRecord>>,
    pub(crate) uses: Mutex<Vec<(String, i64)>>,
}

impl MemoryKeys {
    pub(crate) fn make(&self, scopes: &str) -> String {
        let key = generate_key();
        let mut keys = self.keys.lock().unwrap();
        let name = format!("key{}", keys.len());
        let scopes = scopes.parse().unwrap();
        keys.insert(key.hash, KeyRecord { name, hash: key.hash, scopes, created_at: START, last_used_at: None });
        key.plain
    }

    pub(crate) fn revoke_all(&self) {
        self.keys.lock().unwrap().clear();
    }
}

impl ServiceKeys for MemoryKeys {
    fn insert(&self, _: KeyRecord) -> BoxFuture<Result<bool, StoreError>> {
        future::ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn find(&self, hash: [u8; 32]) -> BoxFuture<Result<Option<KeyRecord>, StoreError>> {
        future::ready(Ok(self.keys.lock().unwrap().get(&hash).cloned())).boxed()
    }

    fn list(&self) -> BoxFuture<Result<Vec<KeyRecord>, StoreError>> {
        future::ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn revoke(&self, _: String) -> BoxFuture<Result<bool, StoreError>> {
        future::ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn used(&self, name: String, at: i64) -> BoxFuture<Result<(), StoreError>> {
        self.uses.lock().unwrap().push((name, at));
        future::ready(Ok(())).boxed()
    }
}
