//! A server with the pack and the social one on a SQLite file of its own.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_notify::Notify;
use tidings_server::{App, clock::SharedClock, clock::SystemClock};
use tidings_social::Social;
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::server::{Answer, TestClient, TestServer, V1Client};
use tidings_wire::UserId;

pub(crate) const ANN: UserId = UserId::new(1);
pub(crate) const BOB: UserId = UserId::new(2);
pub(crate) const EVE: UserId = UserId::new(3);

/// A running server with its database.
pub(crate) struct World {
    pub(crate) server: TestServer,
    folder: Arc<tempfile::TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(Notify::standard()).await
    }

    pub(crate) async fn of(notify: Notify) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        Self::on(folder, notify, Arc::new(SystemClock::new())).await
    }

    /// On this folder, perhaps once more, by this clock.
    pub(crate) async fn on(folder: Arc<tempfile::TempDir>, notify: Notify, clock: SharedClock) -> Self {
        let store = SqliteStore::open(SqliteOptions::new(folder.path(), clock.clone())).expect("a database");
        let social = Social::new();
        let notify = notify.users(social.users_port()).graph(social.graph_port());
        let packs = App::new().pack(Social::new()).pack(Notify::new());
        for pack in packs.migrations() {
            store.migrate_pack(pack.pack, &pack.sources()).expect("the tables can be made");
        }
        let store = Arc::new(store);
        let server = TestServer::with(|app| {
            let app = app.pack(social).pack(notify).messages(store.clone()).groups(store.clone());
            app.sessions(store.clone()).revocations(store).clock(clock)
        });
        let server = server.await;
        Self { server, folder }
    }

    pub(crate) async fn guide(&self, user: UserId) -> TestClient {
        self.server.client(user).await
    }

    pub(crate) async fn v1(&self, user: UserId) -> V1Client {
        self.server.v1(user).await
    }

    pub(crate) async fn get(&self, user: UserId, path: &str) -> Value {
        let answer = self.server.by(user).get(&format!("/v1{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub(crate) async fn send(&self, user: UserId, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.server.by(user).send(method, &format!("/v1{path}"), body.as_ref()).await
    }

    /// Does what must succeed.
    pub(crate) async fn does(&self, user: UserId, method: &str, path: &str, body: Option<Value>) {
        let answer = self.send(user, method, path, body).await;
        assert!(matches!(answer.status, 200..=204), "{method} {path}: {answer:?}");
    }

    /// A backend with a key notifies.
    pub(crate) async fn notifies(&self, body: Value) -> Answer {
        self.server.by_service("notify").await.post("/v1/notifications", &body).await
    }

    /// A new post of a user: its id as it stands in paths.
    pub(crate) async fn posts(&self, user: UserId) -> String {
        let answer = self.send(user, "POST", "/posts", Some(json!({"content": "hello"}))).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        match &answer.json()["id"] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        }
    }

    pub(crate) async fn likes(&self, user: UserId, post: &str) {
        self.does(user, "PUT", &format!("/posts/{post}/like"), None).await;
    }

    pub(crate) async fn unlikes(&self, user: UserId, post: &str) {
        self.does(user, "DELETE", &format!("/posts/{post}/like"), None).await;
    }

    pub(crate) async fn is_called(&self, user: UserId, name: &str) {
        self.does(user, "PATCH", "/me", Some(json!({"name": name}))).await;
    }

    pub(crate) async fn inbox(&self, user: UserId) -> Value {
        self.get(user, "/inbox").await
    }

    /// Waits until a number of the database is this, for a while.
    pub(crate) async fn comes_to(&self, sql: &str, expected: i64) {
        let began = std::time::Instant::now();
        while self.number(sql) != expected {
            assert!(began.elapsed() < std::time::Duration::from_secs(30), "{sql} does not come to {expected}");
            tokio::task::yield_now().await;
        }
    }

    /// The database is changed beside the server.
    pub(crate) fn changes(&self, sql: &str) {
        let file = self.folder.path().join(tidings_sqlite::FILE);
        rusqlite::Connection::open(file).and_then(|file| file.execute_batch(sql)).expect("a change");
    }

    /// One number of the database, read beside the server.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let file = self.folder.path().join(tidings_sqlite::FILE);
        rusqlite::Connection::open(file).and_then(|file| file.query_row(sql, [], |row| row.get(0))).expect("a number")
    }
}

/// The next frame of this type; others before it are passed over.
pub(crate) async fn next(client: &mut TestClient, kind: &str) -> Value {
    loop {
        let frame = client.expects_json().await;
        if frame["type"] == kind {
            return frame;
        }
    }
}
