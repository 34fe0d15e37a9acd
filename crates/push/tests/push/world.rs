//! A server with the pack of notifications and both channels, by a clock that stands still.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tidings_notify::Notify;
use tidings_push::{Outbound, OutboundOptions, VapidKey, WebPush, WebPushOptions, Webhook, WebhookSecret};
use tidings_server::App;
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::{
    SteppedClock,
    server::{Answer, TestServer},
};
use tidings_wire::UserId;
use web_push_native::{
    Auth,
    p256::{
        SecretKey,
        elliptic_curve::{rand_core::OsRng, sec1::ToEncodedPoint},
    },
};

pub(crate) const ANN: UserId = UserId::new(1);
pub(crate) const BOB: UserId = UserId::new(2);

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running server with its database.
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) clock: Arc<SteppedClock>,
    folder: tempfile::TempDir,
}

/// A browser that has subscribed.
pub(crate) struct Browser {
    pub(crate) endpoint: String,
    pub(crate) secret: SecretKey,
    pub(crate) auth: Auth,
}

pub(crate) fn outbound() -> Outbound {
    Outbound::new(OutboundOptions { allow_private: true, ..OutboundOptions::default() }).expect("a client")
}

impl World {
    /// With Web Push.
    pub(crate) async fn with_web_push() -> Self {
        let contact = "mailto:ops@tidings.example".to_owned();
        let options = WebPushOptions { contact, ttl: Duration::from_secs(86_400) };
        let channel = WebPush::new(outbound(), VapidKey::random(), options);
        Self::of(Notify::standard().channel(Arc::new(channel))).await
    }

    /// With the webhook.
    pub(crate) async fn with_webhook(url: &str) -> Self {
        let secret = WebhookSecret::read(SECRET).expect("a secret");
        let channel = Webhook::new(outbound(), url, secret).expect("a URL");
        Self::of(Notify::standard().channel(Arc::new(channel))).await
    }

    pub(crate) async fn of(notify: Notify) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = SteppedClock::new();
        let store = SqliteStore::open(SqliteOptions::new(folder.path(), clock.clone())).expect("a database");
        for pack in App::new().pack(Notify::new()).migrations() {
            store.migrate_pack(pack.pack, &pack.sources()).expect("the tables can be made");
        }
        let (store, time) = (Arc::new(store), clock.clone());
        // Service keys stay in memory, where the server of the tests makes them.
        let on_disk = |app: App| app.messages(store.clone()).groups(store.clone()).sessions(store.clone()).clock(time);
        let server = TestServer::with(|memory| on_disk(memory.pack(notify))).await;
        Self { server, clock, folder }
    }

    /// So many seconds pass.
    pub(crate) fn passes(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn get(&self, user: UserId, path: &str) -> Value {
        let answer = self.server.by(user).get(&format!("/v1{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub(crate) async fn send(&self, user: UserId, method: &str, path: &str, body: &Value) -> Answer {
        self.server.by(user).send(method, &format!("/v1{path}"), Some(body)).await
    }

    /// A user likes one of another's posts.
    pub(crate) async fn likes(&self, actor: u64, owner: UserId, post: u64) {
        let body = json!({
            "to": [owner], "subtype": "post_like", "actor": actor, "group_key": format!("post:{post}"),
            "data": {"post_id": post},
        });
        let answer = self.server.by_service("notify").await.post("/v1/notifications", &body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// A user's browser subscribes.
    pub(crate) async fn subscribes(&self, user: UserId, endpoint: String) -> Browser {
        let secret = SecretKey::random(&mut OsRng);
        let browser = Browser { endpoint, secret, auth: Auth::from(*b"a secret of ours") };
        let answer = self.send(user, "PUT", "/push/subscriptions", &browser.subscription()).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        browser
    }

    /// One number of the database, read beside the server.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let file = self.folder.path().join(tidings_sqlite::FILE);
        rusqlite::Connection::open(file).and_then(|file| file.query_row(sql, [], |row| row.get(0))).expect("a number")
    }

    pub(crate) fn waiting(&self) -> i64 {
        self.number("SELECT count(*) FROM notify_deliveries")
    }
}

impl Browser {
    /// As `PushSubscription.toJSON()` has it.
    pub(crate) fn subscription(&self) -> Value {
        let public = URL_SAFE_NO_PAD.encode(self.secret.public_key().to_encoded_point(false).as_bytes());
        let auth = URL_SAFE_NO_PAD.encode(self.auth);
        json!({"kind": "webpush", "endpoint": self.endpoint, "expirationTime": null, "keys": {"p256dh": public, "auth": auth}})
    }

    pub(crate) fn decrypts(&self, body: &[u8]) -> Value {
        let plain = web_push_native::decrypt(body.to_vec(), &self.secret, &self.auth).expect("it is for this browser");
        serde_json::from_slice(&plain).expect("JSON")
    }
}
