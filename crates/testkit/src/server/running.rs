//! The server under test.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use tidings_engine::{
    clock::SystemClock,
    ports::{KeyRecord, ServiceKeys},
};
use tidings_server::{
    App, DrainOptions, ServerOptions, Tidings,
    auth::{NewToken, TokenAlgorithm, TokenRules, generate_key, new_token},
};
use tidings_wire::{UserId, client_frames::Hello};
use tokio::sync::oneshot;

use super::{Requests, TestClient, V1Client, patience::patiently};
use crate::{golden::Golden, memory::MemoryStore};

/// What signs the tokens of [`TestServer::token`], and of no server outside tests.
const SECRET: &[u8] = b"a secret that every test knows, so no secret";

/// A running server, in the process of the test, on a port that the system chose. Stopped when dropped.
pub struct TestServer {
    address: SocketAddr,
    tidings: Tidings,
    store: Arc<MemoryStore>,
    golden: Golden,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Options for tests: `?user=` is taken ([`ServerOptions::dev`]), tokens of [`TestServer::token`] too, and a stop closes all
/// connections at once and waits 250 ms for clients that do not read.
pub fn options() -> ServerOptions {
    let tokens = TokenRules::new(TokenAlgorithm::Hs256, SECRET).expect("the secret is long enough");
    ServerOptions {
        dev: true,
        tokens: Some(tokens),
        drain: DrainOptions { spread: Duration::ZERO, limit: Duration::from_millis(250) },
        ..ServerOptions::default()
    }
}

impl TestServer {
    /// A server with [`options`], all ports in memory, and what `add` adds: message types, packs, other ports.
    ///
    /// # Panics
    /// Where the app can't be built or started.
    pub async fn with(add: impl FnOnce(App) -> App) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(SystemClock::new())));
        let app = App::new().options(options()).messages(store.clone()).groups(store.clone());
        let app = app.sessions(store.clone()).keys(store.clone()).revocations(store.clone()).rollouts(store.clone());
        Self::run(add(app), store).await
    }

    /// A server of an app as it is. [`token`](TestServer::token) and [`client`](TestServer::client) need [`options`], and
    /// [`service_key`](TestServer::service_key) the ports of [`with`](TestServer::with).
    ///
    /// # Panics
    /// Where the app can't be built or started.
    pub async fn start(app: App) -> Self {
        Self::run(app, Arc::new(MemoryStore::new(Arc::new(SystemClock::new())))).await
    }

    async fn run(app: App, store: Arc<MemoryStore>) -> Self {
        let server = app.build().unwrap_or_else(|error| panic!("the app does not fit: {error}"));
        let golden = Golden::of(server.types().into_iter().map(|info| (info.name.to_owned(), info.schema)));
        let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, handle) = oneshot::channel();
        let serve = async move {
            let running = server.start().await.expect("the server starts");
            // A test that is gone needs no server: the loop below ends at once then.
            let _ = started.send(running.handle());
            let shutdown = async { drop(stopped.await) };
            running.serve(listener, shutdown).await.expect("the listener works");
        };
        let thread = std::thread::Builder::new().name("test-server".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve);
        });
        let thread = thread.expect("a test can have a thread");
        let tidings = patiently("the start", handle).await.expect("the server starts");
        Self { address, tidings, store, golden, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens, on the loopback.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handle, as the app's own code has it.
    pub fn tidings(&self) -> &Tidings {
        &self.tidings
    }

    /// A connection of a user, by `?user=`.
    ///
    /// # Panics
    /// Where the server refuses it.
    pub async fn client(&self, user: UserId) -> TestClient {
        let opened = self.try_client(&format!("/ws?user={user}"), &[], user).await;
        opened.unwrap_or_else(|status| panic!("the server refuses user {user} with {status}"))
    }

    /// A connection of a user, by a token.
    ///
    /// # Panics
    /// Where the server refuses it.
    pub async fn client_with_token(&self, user: UserId) -> TestClient {
        let bearer = format!("Bearer {}", self.token(user));
        let opened = self.try_client("/ws", &[("Authorization", &bearer)], user).await;
        opened.unwrap_or_else(|status| panic!("the server refuses user {user} with {status}"))
    }

    /// A connection of a user in `tidings.v1`, by a token in its `hello`, welcomed and resumed.
    ///
    /// # Panics
    /// Where the server refuses it.
    pub async fn v1(&self, user: UserId) -> V1Client {
        let mut client = self.v1_saying(user, Hello::default()).await;
        client.expects_welcome().await;
        client.expects_resumed().await;
        client
    }

    /// A connection of a user in `tidings.v1` that has said this `hello`, with a token where it has none; its answer is yet to come.
    ///
    /// # Panics
    /// Where the server refuses the upgrade.
    pub async fn v1_saying(&self, user: UserId, hello: Hello) -> V1Client {
        let token = hello.token.clone().unwrap_or_else(|| self.token(user));
        let opened =
            V1Client::open(self.address, &Hello { token: Some(token), ..hello }, user, self.golden.clone()).await;
        opened.unwrap_or_else(|status| panic!("the server refuses user {user} with {status}"))
    }

    /// Tries to open a connection with header fields of one's own.
    ///
    /// # Errors
    /// The HTTP status with which the server refused.
    pub async fn try_client(&self, path: &str, headers: &[(&str, &str)], user: UserId) -> Result<TestClient, u16> {
        TestClient::open(self.address, path, headers, user, self.golden.clone()).await
    }

    /// HTTP requests of nobody in particular.
    pub fn requests(&self) -> Requests {
        Requests::new(self.address)
    }

    /// HTTP requests of a user, by a token.
    pub fn by(&self, user: UserId) -> Requests {
        self.requests().header("Authorization", &format!("Bearer {}", self.token(user)))
    }

    /// HTTP requests of a backend, by a service key that may do what `scopes` say (`send,read,admin`).
    ///
    /// # Panics
    /// Where the scopes are none.
    pub async fn by_service(&self, scopes: &str) -> Requests {
        let key = self.service_key(scopes).await;
        self.requests().header("Authorization", &format!("Bearer {key}"))
    }

    /// A token that holds for an hour.
    pub fn token(&self, user: UserId) -> String {
        let ttl = Duration::from_secs(3_600);
        let token = NewToken { user, ttl, issuer: None, audience: None, user_claim: "sub" };
        new_token(SECRET, &token, self.tidings.engine().clock().now()).expect("the secret is long enough")
    }

    /// A new service key, in plain text.
    ///
    /// # Panics
    /// Where the scopes are none.
    pub async fn service_key(&self, scopes: &str) -> String {
        let key = generate_key();
        let scopes = scopes.parse().unwrap_or_else(|error| panic!("{scopes:?}: {error}"));
        let created_at = self.tidings.engine().clock().now().unix();
        let name = format!("key-{}", self.store.list().await.map_or(0, |keys| keys.len()));
        let record = KeyRecord { name, hash: key.hash, scopes, created_at, last_used_at: None };
        assert!(self.store.insert(record).await.expect("memory answers"), "each key has a name of its own");
        key.plain
    }

    /// Stops it, and waits for the end.
    ///
    /// # Panics
    /// Where it does not end.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = tokio::task::spawn_blocking(move || thread.join());
            patiently("the end", ended).await.expect("the thread is joined").expect("the server ends well");
        }
    }
}

impl Drop for TestServer {
    /// Tells it to stop. Waiting for that would block the runtime of the test, on which its clients' goodbyes run.
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}
