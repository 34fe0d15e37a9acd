//! A pack with tables of its own on a real SQLite file: its handlers' writes are part of the message's commit, a condition that
//! fails undoes all, and what the statements return is told to others in commit order.

use std::{path::Path, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_engine::{
    Accepted, Context,
    act::{Otherwise, Value, Write},
    clock::SystemClock,
    publish::Publish,
};
use tidings_server::{App, Migration, Pack, Setup};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::server::{TestServer, options};
use tidings_wire::{Audience, Code, Keep, Limit, Me, Message, PostId, Reject, Sender, UserId};

/// A like: the act is a row, nothing of it is in a stream.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Like {
    post: PostId,
}

impl Message for Like {
    const TYPE: &'static str = "like";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::nobody()
    }
}

/// How many likes a post has, for its owner.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Likes {
    post: PostId,
    likes: i64,
}

impl Message for Likes {
    const TYPE: &'static str = "likes";

    fn audience(&self, _: &Sender) -> Audience {
        Audience::nobody()
    }
}

/// A kept message to a seller, which is stored only as long as there is something to sell.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Order {
    to: UserId,
    item: i64,
}

impl Message for Order {
    const TYPE: &'static str = "order";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to).me(Me::OtherConnections)
    }
}

async fn like(like: Like, cx: Context) -> Result<Accepted<Like>, Reject> {
    let Some(liker) = cx.sender().user else { return Err(Reject::not_allowed("people like, services don't")) };
    let owner = cx.query("SELECT owner FROM shop_posts WHERE id = $1", vec![like.post.into()]).await?;
    let owner =
        owner.first().and_then(|row| row[0].id()).map(UserId).ok_or_else(|| Reject::not_found("no such post"))?;
    let post = like.post;
    Ok(Accepted::new(like)
        .to(Audience::user(owner))
        .write(
            Write::new(
                "INSERT INTO shop_likes (post, liker, row_id) VALUES ($2, $1, $3) ON CONFLICT DO NOTHING",
                [liker.into(), post.into(), Value::Int(cx.new_id().get())],
            )
            .expect(1..=1, Otherwise::Quiet),
        )
        .write(
            Write::new("UPDATE shop_posts SET likes = likes + 1 WHERE id = $1 RETURNING likes", [post.into()])
                .expect(1..=1, Otherwise::Refuse(Reject::not_found("no such post")))
                .returning(),
        )
        .project(move |rows| {
            let likes = rows[0][0][0].int().expect("a count");
            let nobody = Sender { user: None, service: None };
            let told = Publish::new(&Likes { post, likes }, &nobody).expect("two numbers");
            vec![told.to(Audience::user(owner))]
        }))
}

async fn order(order: Order, _: Context) -> Result<Accepted<Order>, Reject> {
    let take = Write::new("UPDATE shop_items SET stock = stock - 1 WHERE id = $1 AND stock > 0", [order.item.into()])
        .expect(1..=1, Otherwise::Refuse(Reject::not_allowed("sold out")));
    let note = Write::new("INSERT INTO shop_orders (item) VALUES ($1)", [order.item.into()]);
    // The note comes first: where the condition fails, it must be undone.
    Ok(Accepted::new(order).write(note).write(take))
}

struct Shop;

impl Pack for Shop {
    const NAME: &'static str = "shop";

    fn add(self, to: &mut Setup) {
        to.message_with::<Like>(like).message::<Likes>().message_with::<Order>(order).migrations(&[Migration {
            version: 1,
            name: "first",
            sql: "CREATE TABLE shop_posts (id PRIMARY KEY, owner NOT NULL, likes INTEGER NOT NULL DEFAULT 0);
                  CREATE TABLE shop_likes (post NOT NULL, liker NOT NULL, row_id INTEGER, UNIQUE (post, liker));
                  CREATE TABLE shop_items (id INTEGER PRIMARY KEY, stock INTEGER NOT NULL);
                  CREATE TABLE shop_orders (item INTEGER NOT NULL);
                  INSERT INTO shop_posts (id, owner) VALUES (9, 1);
                  INSERT INTO shop_items (id, stock) VALUES (4, 3);",
        }]);
    }
}

async fn shop(folder: &Path) -> TestServer {
    let store = SqliteStore::open(SqliteOptions::new(folder, Arc::new(SystemClock::new()))).expect("a new database");
    let app = App::new().pack(Shop).options(options());
    for pack in app.migrations() {
        store.migrate_pack(pack.pack, &pack.sources()).expect("the tables can be made");
    }
    let store = Arc::new(store);
    TestServer::start(app.messages(store.clone()).groups(store.clone()).revocations(store)).await
}

/// One number of the database, read beside the server.
fn number(folder: &Path, sql: &str) -> i64 {
    let file = folder.join(tidings_sqlite::FILE);
    rusqlite::Connection::open(file).and_then(|file| file.query_row(sql, [], |row| row.get(0))).expect("a number")
}

#[tokio::test]
async fn a_like_is_a_row_a_message_and_a_count_in_one_commit_and_a_second_one_tells_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = shop(folder.path()).await;
    let mut owner = server.client(UserId::new(1)).await;
    let mut ann = server.client(UserId::new(2)).await;
    let mut bob = server.client(UserId::new(3)).await;
    let post = PostId::new(9);

    ann.send(&Like { post }).await;
    assert_eq!(owner.expects::<Like>().await.from, Some(ann.user()));
    assert_eq!(owner.expects::<Likes>().await.message.likes, 1);

    ann.send(&Like { post }).await;
    bob.send(&Like { post }).await;
    // Ann's second like was committed before Bob's: had it told anybody, that would come first.
    assert_eq!(owner.expects::<Like>().await.from, Some(bob.user()));
    assert_eq!(owner.expects::<Likes>().await.message.likes, 2);

    ann.send(&Like { post: PostId::new(10) }).await;
    ann.expects_error(Code::NotFound).await;
    assert_eq!(number(folder.path(), "SELECT likes FROM shop_posts"), 2);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM shop_likes"), 2);
    owner.expects_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_like_under_a_key_that_is_posted_twenty_times_at_once_is_written_and_heard_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = shop(folder.path()).await;
    let mut owner = server.client(UserId::new(1)).await;
    let like = |user: u32, post: u32, key: &str| {
        let (by, body) =
            (server.by(UserId::new(user)).header("Idempotency-Key", key), json!({"type": "like", "post": post}));
        async move { by.post("/v1/messages", &body).await }
    };
    let answers = futures_util::future::join_all((0..20).map(|_| like(2, 9, "k1"))).await;
    let ids: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
    assert!(ids.len() == 1 && answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.json()["duplicate"] == true).count(), 19);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM requests"), 1);

    // A refused one is not remembered: it may be tried again, whatever it is then.
    assert_eq!(like(2, 10, "k2").await.status, 404);
    let quiet = like(2, 9, "k2").await;
    assert_eq!((quiet.status, quiet.json().get("duplicate")), (202, None));
    assert_eq!(like(2, 9, "k2").await.json()["id"], quiet.json()["id"], "what told nobody is remembered too");
    assert_eq!(like(2, 10, "k1").await.code(), "key_reused");
    assert_eq!(like(3, 9, "k1").await.json().get("duplicate"), None, "another user's keys are their own");

    for (from, likes) in [(2, 1), (3, 2)] {
        assert_eq!(owner.expects::<Like>().await.from, Some(UserId::new(from)));
        assert_eq!(owner.expects::<Likes>().await.message.likes, likes);
    }
    owner.expects_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_failing_condition_leaves_nothing_of_its_act() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = shop(folder.path()).await;
    let buyers: Vec<_> = (10..20).map(|buyer| server.by(UserId::new(buyer))).collect();
    let body = json!({"type": "order", "to": 1, "item": 4});
    let sends = buyers.iter().map(|buyer| buyer.post("/v1/messages", &body));
    let answers = futures_util::future::join_all(sends).await;

    let stored = answers.iter().filter(|answer| answer.status == 201).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 403).map(|answer| answer.code()).collect();
    assert_eq!((stored, refused.len()), (3, 7), "three were in stock");
    assert!(refused.iter().all(|code| code == "not_allowed"));
    assert_eq!(number(folder.path(), "SELECT stock FROM shop_items"), 0);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM shop_orders"), 3, "the note of a refused order is undone");
    assert_eq!(number(folder.path(), "SELECT count(*) FROM messages"), 3);

    // A refused act burns no seq: each buyer's stream begins at 1 once there is stock again.
    let restock = rusqlite::Connection::open(folder.path().join(tidings_sqlite::FILE)).expect("the database");
    restock.execute("UPDATE shop_items SET stock = 10", []).expect("a write");
    for (buyer, first) in buyers.iter().zip(&answers) {
        let again = buyer.post("/v1/messages", &body).await;
        let expected = if first.status == 201 { 2 } else { 1 };
        assert_eq!(again.json()["seq"], expected);
    }
    server.stop().await;
}
