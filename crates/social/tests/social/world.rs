//! A server with the pack on a SQLite file of its own.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_server::{
    App,
    auth::{NewKey, generate_key},
    clock::SystemClock,
    ports::{KeyRecord, Scopes, ServiceKeys},
};
use tidings_social::{PostAction, Social};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::server::{Answer, Requests, TestClient, TestServer, options};
use tidings_wire::{PostId, UserId};

pub(crate) const ANN: UserId = UserId::new(1);
pub(crate) const BOB: UserId = UserId::new(2);
pub(crate) const EVE: UserId = UserId::new(3);
pub(crate) const DAN: UserId = UserId::new(4);

/// A running server with its database.
pub(crate) struct World {
    pub(crate) server: TestServer,
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
}

impl World {
    /// With the pack's own tables for everything.
    pub(crate) async fn new() -> Self {
        Self::of(Social::new()).await
    }

    pub(crate) async fn of(social: Social) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(SqliteOptions::new(folder.path(), Arc::new(SystemClock::new())));
        let store = store.expect("a new database");
        let app = App::new().pack(social).options(options());
        for pack in app.migrations() {
            store.migrate_pack(pack.pack, &pack.sources()).expect("the tables can be made");
        }
        let store = Arc::new(store);
        let app = app.messages(store.clone()).groups(store.clone()).sessions(store.clone());
        let server = TestServer::start(app.keys(store.clone()).revocations(store.clone())).await;
        Self { server, folder, store }
    }

    pub(crate) async fn client(&self, user: UserId) -> TestClient {
        self.server.client(user).await
    }

    pub(crate) async fn clients<const N: usize>(&self, users: [UserId; N]) -> [TestClient; N] {
        let clients = futures_util::future::join_all(users.map(|user| self.client(user))).await;
        clients.try_into().unwrap_or_else(|_| unreachable!("as many as asked for"))
    }

    pub(crate) async fn get(&self, user: UserId, path: &str) -> Answer {
        self.server.by(user).get(&format!("/v1{path}")).await
    }

    pub(crate) async fn post(&self, user: UserId, path: &str, body: Value) -> Answer {
        self.server.by(user).post(&format!("/v1{path}"), &body).await
    }

    pub(crate) async fn send(&self, user: UserId, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.server.by(user).send(method, &format!("/v1{path}"), body.as_ref()).await
    }

    /// Does what needs no body, and must succeed.
    pub(crate) async fn does(&self, user: UserId, method: &str, path: &str) {
        let answer = self.send(user, method, path, None).await;
        assert!(matches!(answer.status, 200 | 204), "{method} {path}: {answer:?}");
    }

    /// Follows, and says how that stands.
    pub(crate) async fn follows(&self, follower: UserId, followee: UserId) -> String {
        let answer = self.send(follower, "PUT", &format!("/users/{followee}/follow"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["state"].as_str().expect("a state").to_owned()
    }

    /// A new post of a user.
    pub(crate) async fn posts(&self, user: UserId) -> PostId {
        let answer = self.post(user, "/posts", json!({"content": "hello"})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        post_id(&answer.json()["id"])
    }

    /// Likes, comments and shares of a post, as its owner reads them.
    pub(crate) async fn counters(&self, owner: UserId, post: PostId) -> [i64; 3] {
        let shown = self.get(owner, &format!("/posts/{post}")).await.json();
        ["likes", "comments", "shares"].map(|name| shown[name].as_i64().unwrap_or_else(|| panic!("{shown}")))
    }

    /// HTTP requests of a backend, by a service key that may do everything.
    pub(crate) async fn backend(&self) -> Requests {
        let NewKey { plain, hash } = generate_key();
        let record = KeyRecord { name: "all".into(), hash, scopes: Scopes::ALL, created_at: 0, last_used_at: None };
        assert!(self.store.insert(record).await.expect("it is stored"), "once a world");
        self.server.requests().header("Authorization", &format!("Bearer {plain}"))
    }

    /// Writes into the database beside the server.
    pub(crate) fn writes(&self, sql: &str) {
        let file = self.folder.path().join(tidings_sqlite::FILE);
        rusqlite::Connection::open(file).and_then(|file| file.execute(sql, [])).expect("it is written");
    }

    /// One number of the database, read beside the server.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let file = self.folder.path().join(tidings_sqlite::FILE);
        rusqlite::Connection::open(file).and_then(|file| file.query_row(sql, [], |row| row.get(0))).expect("a number")
    }
}

pub(crate) fn post_id(json: &Value) -> PostId {
    serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// An act as a client sends it.
pub(crate) fn acts(post_id: PostId, action: &str, content: Option<&str>) -> PostAction {
    serde_json::from_value(json!({"post_id": post_id, "action": action, "content": content})).expect("an act")
}

pub(crate) fn like(post: PostId) -> PostAction {
    acts(post, "like", None)
}
