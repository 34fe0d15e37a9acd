//! A pack that brings who has blocked whom, with a table of its own on a real SQLite file: what a blocked user sends is acknowledged, and a
//! skip to the blocker by every way there is.

use std::{path::Path, sync::Arc};

use serde_json::{Value as Json, json};
use tidings_chat::Chat;
use tidings_engine::{
    Deed,
    act::{Value, Write},
    clock::SystemClock,
    ports::{BoxFuture, Relation, StoreError},
    publish::Consequences,
};
use tidings_server::{Migration, Pack, Setup, Tidings};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::server::TestServer;
use tidings_wire::{BLOCKED, Id, UserId};
use tokio::sync::watch;

/// A pack with a table of who has blocked whom.
struct Blocking(watch::Sender<Option<Tidings>>);

/// Those whom a user has blocked, by the pack's own table.
struct Blocked(watch::Receiver<Option<Tidings>>);

impl Relation for Blocked {
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let tidings = self.0.borrow().clone().expect("it has started");
        Box::pin(async move {
            // Ids of this test are small integers.
            let after = after.map_or(Value::Int(0), Value::from);
            let sql = "SELECT whom FROM blocking_blocks WHERE by = $1 AND whom > $2 ORDER BY whom LIMIT $3";
            let rows = tidings.query(sql, vec![Value::Id(to), after, i64::from(limit).into()]).await;
            let rows = rows.map_err(|reject| StoreError::Unavailable(Box::new(reject)))?;
            Ok(rows.iter().filter_map(|row| row[0].id().map(UserId)).collect())
        })
    }

    fn max_age(&self) -> Option<std::time::Duration> {
        None
    }
}

impl Pack for Blocking {
    const NAME: &'static str = "blocking";

    fn add(self, to: &mut Setup) {
        let started = self.0;
        to.relation(BLOCKED, Arc::new(Blocked(started.subscribe())))
            .migrations(&[Migration {
                version: 1,
                name: "first",
                sql: "CREATE TABLE blocking_blocks (by NOT NULL, whom NOT NULL, UNIQUE (by, whom))",
            }])
            .on_start(move |tidings| {
                started.send_replace(Some(tidings));
            });
    }
}

async fn server(folder: &Path) -> TestServer {
    let store = SqliteStore::open(SqliteOptions::new(folder, Arc::new(SystemClock::new()))).expect("a database");
    TestServer::with(|app| {
        let app = app.pack(Chat).pack(Blocking(watch::Sender::new(None)));
        for pack in app.migrations() {
            store.migrate_pack(pack.pack, &pack.sources()).expect("the tables can be made");
        }
        let store = Arc::new(store);
        app.messages(store.clone()).groups(store)
    })
    .await
}

/// The second user blocks the first, or no longer.
async fn blocks(server: &TestServer, blocks: bool) {
    let (by, whom) = (UserId::new(2), UserId::new(1));
    let sql = match blocks {
        true => "INSERT INTO blocking_blocks (by, whom) VALUES ($1, $2)",
        false => "DELETE FROM blocking_blocks WHERE by = $1 AND whom = $2",
    };
    let deed = Deed::by(Some(by)).write(Write::new(sql, [by.into(), whom.into()]));
    let deed = deed.project(move |_| Consequences::default().change(BLOCKED, by, whom, blocks));
    server.tidings().commit(deed).await.expect("it is committed");
}

/// Types and seqs of a page of the dm.
async fn page(server: &TestServer, user: u32) -> Vec<(String, Json)> {
    let answer = server.by(UserId::new(user)).get("/v1/conversations/dm:1:2/messages").await;
    let json = answer.json();
    let line = |line: &Json| (line["type"].as_str().expect("a type").to_owned(), line["content"].clone());
    json["messages"].as_array().map(|all| all.iter().map(line).collect()).unwrap_or_default()
}

#[tokio::test]
async fn what_a_blocked_user_sends_is_acknowledged_and_withheld_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = server(folder.path()).await;
    let mut bob = at.v1(UserId::new(2)).await;
    let ann = at.by(UserId::new(1));
    let send = async |content: &str| {
        let answer = ann.post("/v1/messages", &json!({"type": "private", "to": 2, "content": content})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["seq"].clone()
    };

    blocks(&at, true).await;
    assert_eq!(send("unheard").await, 1);
    let skip = bob.expects_frame::<tidings_wire::server_frames::Skip>().await;
    assert_eq!((skip.from, skip.to), (1, 1));
    let list =
        async |user: u32| at.by(UserId::new(user)).get("/v1/conversations").await.json()["conversations"].clone();
    assert_eq!(list(2).await, json!([]));
    assert_eq!(list(1).await[0]["last"]["content"], "unheard");
    blocks(&at, false).await;
    assert_eq!(send("heard").await, 2);
    blocks(&at, true).await;
    assert_eq!(send("unheard too").await, 3);
    let listed = list(2).await[0].clone();
    assert_eq!(
        (&listed["head"], &listed["unread"], &listed["last"]["content"]),
        (&json!(3), &json!(1), &json!("heard"))
    );
    let (message, skip) = (|text: &str| ("private".to_owned(), json!(text)), ("skip".to_owned(), Json::Null));
    assert_eq!(page(&at, 2).await, [message("heard"), skip.clone()]);
    assert_eq!(page(&at, 1).await, ["unheard", "heard", "unheard too"].map(message));
    at.stop().await;

    // Another process, and nobody blocks anybody any more.
    let at = server(folder.path()).await;
    blocks(&at, false).await;
    assert_eq!(page(&at, 2).await, [message("heard"), skip]);
    at.stop().await;
}
