//! A server on port 0, with ports in memory and a clock that is stepped by hand.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, LazyLock},
    thread::JoinHandle,
    time::Duration,
};

use futures_util::FutureExt;
use tidings_engine::{
    clock::Clock,
    ports::{KeyRecord, ServiceKeys},
};
use tidings_server::{
    App, DrainOptions, HttpOptions, LimitOptions, ServerOptions, Tidings,
    auth::{NewToken, TokenAlgorithm, TokenRules, generate_key, new_token},
};
use tidings_testkit::{SteppedClock, golden::Golden, memory::MemoryStore};
use tidings_wire::UserId;
use tokio::sync::oneshot;

use crate::{
    client::{Answer, Client, Socket, V1},
    types::{Alarm, Cheer, Letter, Poke, Postcard},
};

pub(crate) const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
pub(crate) const START: i64 = SteppedClock::START_UNIX_MS / 1_000;
/// The session of user 1, which ends 100 s after the start.
pub(crate) const COOKIE: (&str, &str) = ("Cookie", "tidings_session=session-1");

/// The protocol's own frames, as committed, and the message types of these tests.
pub(crate) static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let types = app(dev()).0.build().unwrap().types();
    Golden::of(types.into_iter().map(|info| (info.name.to_owned(), info.schema)))
});

/// A running server. It is stopped when dropped.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) tidings: Tidings,
    pub(crate) clock: Arc<SteppedClock>,
    pub(crate) store: Arc<MemoryStore>,
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

/// The app of these tests, with what is needed to act on it. It keeps no messages.
pub(crate) fn app(options: ServerOptions) -> (App, Arc<SteppedClock>, Arc<MemoryStore>) {
    let clock = SteppedClock::new();
    let store = Arc::new(MemoryStore::new(clock.clone()));
    assert_eq!(store.create_session(UserId::new(1), START + 100), "session-1");
    let app =
        App::new().message::<Poke>().message::<Cheer>().message::<Alarm>().message::<Letter>().message::<Postcard>();
    let app = app.options(options).clock(clock.clone()).keys(store.clone()).sessions(store.clone());
    (app.revocations(store.clone()).rollouts(store.clone()), clock, store)
}

impl World {
    /// A server that keeps nothing.
    pub(crate) fn new(options: ServerOptions) -> Self {
        let (app, clock, store) = app(options);
        Self::of(app, clock, store)
    }

    /// A server that keeps what is to be kept.
    pub(crate) fn keeping(options: ServerOptions) -> Self {
        let (app, clock, store) = app(options);
        Self::of(app.messages(store.clone()).groups(store.clone()), clock, store)
    }

    pub(crate) fn of(app: App, clock: Arc<SteppedClock>, store: Arc<MemoryStore>) -> Self {
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
        Self { address, tidings, clock, store, stop: Some(stop), thread: Some(thread) }
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

    /// A WebSocket of `tidings.v1`, whose user nobody knows.
    pub(crate) fn visitor(&self) -> Socket {
        self.upgrade("/ws", &[V1]).unwrap_or_else(|answer| panic!("{answer:?}"))
    }

    /// A connection of `tidings.v1` that was welcomed.
    pub(crate) fn v1(&self, user: u32) -> Socket {
        let mut socket = self.visitor();
        socket.say(&self.hello(user));
        socket.hears_type("welcome");
        socket.hears_type("resumed");
        socket
    }

    /// A `hello` with a user's token.
    pub(crate) fn hello(&self, user: u32) -> String {
        let token = self.token(user);
        let token = token.strip_prefix("Bearer ").unwrap();
        format!(r#"{{"type":"hello","ref":1,"token":"{token}"}}"#)
    }

    /// A bearer's header with a token that holds for an hour.
    pub(crate) fn token(&self, user: u32) -> String {
        bearer(&new_token(SECRET, &for_an_hour(user), self.clock.now()).unwrap())
    }

    /// A bearer's header with a service key of these scopes, once for the same ones.
    pub(crate) fn key(&self, scopes: &str) -> String {
        let key = generate_key();
        let name = format!("key-{scopes}");
        let scopes = scopes.parse().unwrap();
        let record = KeyRecord { name, hash: key.hash, scopes, created_at: START, last_used_at: None };
        assert!(self.store.insert(record).now_or_never().unwrap().unwrap());
        bearer(&key.plain)
    }

    /// The service keys as they are stored.
    pub(crate) fn keys(&self) -> Vec<KeyRecord> {
        self.store.list().now_or_never().unwrap().unwrap()
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
