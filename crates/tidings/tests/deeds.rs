//! What packs commit without a message of their own, on a real SQLite file: rows come back, a quiet end tells nobody, sets change
//! with the commit, and what a pack begins at the start ends with the server.

use std::{path::Path, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_engine::{
    Deed,
    act::{Otherwise, Value, Write},
    clock::SystemClock,
    ports::{BoxFuture, OpenTopics, Relation, StoreError, Topics},
    publish::{Consequences, Publish},
};
use tidings_server::{App, BuildError, Migration, Pack, Setup, Tidings};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::server::TestServer;
use tidings_wire::{Audience, Code, FOLLOWERS, Id, Message, Reject, Sender, Set, UserId};
use tokio::sync::{oneshot, watch};

/// Something that a user did, for their followers.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Did {
    what: String,
}

impl Message for Did {
    const TYPE: &'static str = "did";

    fn audience(&self, from: &Sender) -> Audience {
        from.user.map_or_else(Audience::nobody, Audience::followers_of)
    }
}

/// A pack with a table of who follows whom.
struct Following {
    started: watch::Sender<Option<Tidings>>,
    ended: oneshot::Sender<()>,
}

/// The followers, by the pack's own table.
struct Followers(watch::Receiver<Option<Tidings>>);

impl Relation for Followers {
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let tidings = self.0.borrow().clone().expect("it has started");
        Box::pin(async move {
            // Ids of this test are small integers.
            let after = after.map_or(Value::Int(0), Value::from);
            let sql = "SELECT follower FROM following_follows WHERE followee = $1 AND follower > $2 ORDER BY follower LIMIT $3";
            let rows = tidings.query(sql, vec![Value::Id(to), after, i64::from(limit).into()]).await;
            let rows = rows.map_err(|reject| StoreError::Unavailable(Box::new(reject)))?;
            Ok(rows.iter().filter_map(|row| row[0].id().map(UserId)).collect())
        })
    }

    fn max_age(&self) -> Option<std::time::Duration> {
        None
    }
}

impl Pack for Following {
    const NAME: &'static str = "following";

    fn add(self, to: &mut Setup) {
        let Self { started, ended } = self;
        to.message::<Did>()
            .relation(FOLLOWERS, Arc::new(Followers(started.subscribe())))
            .topics("open:", Arc::new(OpenTopics::all()) as Arc<dyn Topics>)
            .migrations(&[Migration {
                version: 1,
                name: "first",
                sql: "CREATE TABLE following_follows (followee NOT NULL, follower NOT NULL, UNIQUE (followee, follower))",
            }])
            .on_start(move |tidings| {
                started.send_replace(Some(tidings.clone()));
                tidings.spawn(async move {
                    let _ended = ended;
                    std::future::pending::<()>().await;
                });
            });
    }
}

/// A server with the pack; what is told when its work ends.
async fn server(folder: &Path) -> (TestServer, Tidings, oneshot::Receiver<()>) {
    let store = SqliteStore::open(SqliteOptions::new(folder, Arc::new(SystemClock::new()))).expect("a new database");
    let (ended, end) = oneshot::channel();
    let (started, mut handle) = watch::channel(None);
    let server = TestServer::with(|app| {
        let app = app.pack(Following { started, ended });
        for pack in app.migrations() {
            store.migrate_pack(pack.pack, &pack.sources()).expect("the tables can be made");
        }
        let store = Arc::new(store);
        app.messages(store.clone()).groups(store)
    });
    let server = server.await;
    let tidings = handle.wait_for(Option::is_some).await.expect("the pack was started").clone().expect("a handle");
    (server, tidings, end)
}

/// `by` follows `whom`, and those who follow `whom` hear of it.
fn follow(by: UserId, whom: UserId) -> Deed {
    let insert =
        "INSERT INTO following_follows (followee, follower) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING follower";
    Deed::by(Some(by))
        .write(Write::new(insert, [whom.into(), by.into()]).expect(1..=1, Otherwise::Quiet).returning())
        .reach(Set::of(FOLLOWERS, whom))
        .project(move |_| {
            let did = Did { what: format!("{by} follows {whom}") };
            let told = Publish::new(&did, &Sender::user_only(whom)).expect("a sentence");
            Consequences::default().change(FOLLOWERS, whom, by, true).publish(told)
        })
}

#[tokio::test]
async fn a_deed_gives_its_rows_changes_sets_and_tells_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, tidings, end) = server(folder.path()).await;
    let ann = UserId::new(1);
    let mut bob = server.client(UserId::new(2)).await;

    let done = tidings.commit(follow(bob.user(), ann)).await.expect("it is committed");
    assert_eq!(done.rows, [vec![vec![Value::Int(2)]]]);
    assert!(!done.quiet);
    assert_eq!(bob.expects::<Did>().await.message.what, "2 follows 1", "who was let in hears of it");

    let again = tidings.commit(follow(bob.user(), ann)).await.expect("it is known");
    assert!(again.quiet && again.rows.is_empty());
    tidings.send(&Did { what: "a post".into() }, Sender::user_only(ann)).await.expect("it is sent");
    assert_eq!(bob.expects::<Did>().await.message.what, "a post", "the second follow told nobody");

    // A refusal leaves nothing: neither the row nor the change.
    let eve = UserId::new(3);
    let refused = Write::new("DELETE FROM following_follows WHERE followee = $1", [UserId::new(9).into()])
        .expect(1..=1, Otherwise::Refuse(Reject::not_allowed("there is none")));
    let error = tidings.commit(follow(bob.user(), eve).write(refused)).await.expect_err("there is nothing to delete");
    assert_eq!(error.code, Code::NotAllowed);
    tidings.send(&Did { what: "unheard".into() }, Sender::user_only(eve)).await.expect("it is sent");
    bob.expects_nothing().await;

    server.stop().await;
    assert!(end.await.is_err(), "what the pack began ended with the server");
}

#[tokio::test]
async fn a_backend_reaches_followers_and_ten_thousand_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, tidings, _end) = server(folder.path()).await;
    let (ann, mut bob) = (UserId::new(1), server.client(UserId::new(4_000_000_000)).await);
    tidings.commit(follow(bob.user(), ann)).await.expect("it is committed");
    bob.expects::<Did>().await;

    let backend = server.by_service("send").await;
    let to_followers = json!({"type": "did", "what": "to followers", "audience": {"followers_of": 1}});
    assert_eq!(backend.post("/v1/messages", &to_followers).await.status, 202);
    assert_eq!(bob.expects::<Did>().await.message.what, "to followers");

    let users: Vec<u64> = (3_999_990_001..=4_000_000_000).collect();
    let many = json!({"type": "did", "what": "by name", "audience": {"users": users}});
    assert_eq!(backend.post("/v1/messages", &many).await.status, 202);
    assert_eq!(bob.expects::<Did>().await.message.what, "by name");
    let too_many = json!({"type": "did", "what": "x", "audience": {"users": (1..=10_001).collect::<Vec<u32>>()}});
    assert_eq!(backend.post("/v1/messages", &too_many).await.status, 422);

    let nobody = Sender::service("app".into(), None);
    let sent = tidings.send_many(&Did { what: "by hand".into() }, nobody, Audience::users([ann, bob.user()])).await;
    sent.expect("it is sent");
    assert_eq!(bob.expects::<Did>().await.message.what, "by hand");
    tidings.publish(&Did { what: "told".into() }, Some(ann), Audience::followers_of(ann)).await.expect("it is told");
    assert_eq!(bob.expects::<Did>().await.message.what, "told");
    server.stop().await;
}

#[test]
fn a_relation_is_brought_once() {
    struct Again(Following);

    impl Pack for Again {
        const NAME: &'static str = "again";

        fn add(self, to: &mut Setup) {
            to.relation(FOLLOWERS, Arc::new(Followers(self.0.started.subscribe())));
        }
    }

    let pack = || Following { started: watch::channel(None).0, ended: oneshot::channel().0 };
    let built = App::new().pack(pack()).pack(Again(pack())).build();
    assert_eq!(built.map(drop).unwrap_err(), BuildError::RelationTwice(FOLLOWERS));
}
