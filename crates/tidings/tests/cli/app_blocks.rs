//! Blocks that stand in the app's own tables, or that its backend tells of: they withhold private messages as those of the pack do.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::Connection;
use serde_json::{Value, json};
use tidings_testkit::{AppBackend, Reply};

use crate::{
    client::Client,
    http::request,
    support::process::{Server, run},
};

/// What is remembered grows old within the hour: what is seen before was told of.
const BY_SQL: &str = r#"
[app]
database = "app.db"
max_age = "1h"
[app.followers]
query = "SELECT follower_id FROM Followers WHERE followee_id = :user"
[app.apart]
query = "SELECT blocked_id FROM Blocks WHERE blocker_id = :user UNION SELECT blocker_id FROM Blocks WHERE blocked_id = :user"
[app.blocked]
query = "SELECT blocked_id FROM Blocks WHERE blocker_id = :user"
[app.between]
query = """
SELECT EXISTS (SELECT 1 FROM Blocks WHERE blocker_id = :user AND blocked_id = :other) AS blocks,
       EXISTS (SELECT 1 FROM Blocks WHERE blocker_id = :other AND blocked_id = :user) AS blocked"""
"#;

fn by_http(backend: &AppBackend) -> String {
    let url = |path: &str| format!("url = \"{}\"", backend.url(path));
    format!(
        "[app]\nmax_age = \"1h\"\n[app.followers]\n{}\n[app.following]\n{}\n[app.apart]\n{}\n[app.blocked]\n{}\n[app.between]\n{}\n",
        url("/{user}/none"),
        url("/{user}/none"),
        url("/{user}/apart"),
        url("/{user}/blocked"),
        url("/{user}/to/{other}")
    )
}

/// A backend of two users, of whom 2 may have blocked 1.
fn backend(blocks: Arc<AtomicBool>) -> AppBackend {
    AppBackend::start(move |request| {
        let blocks = blocks.load(Ordering::SeqCst);
        match request.path.as_str() {
            "/2/blocked" | "/2/apart" if blocks => Reply::Json("[1]".into()),
            "/1/apart" if blocks => Reply::Json("[2]".into()),
            "/2/to/1" if blocks => Reply::Json(r#"{"blocks": true}"#.into()),
            "/1/to/2" if blocks => Reply::Json(r#"{"blocked": true}"#.into()),
            _ => Reply::Status(404),
        }
    })
}

const ANN: u32 = 1;
const BOB: u32 = 2;

/// One of them writes to the other. To be blocked is never told.
fn posts(server: &Server, from: u32, to: u32, content: &str) {
    let message = json!({"type": "private", "to": to, "content": content});
    let answer = request(server.address, "POST", &format!("/v1/messages?user={from}"), None, Some(&message));
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// The dm as one of them reads it.
fn history(server: &Server, user: u32) -> Vec<Value> {
    let path = format!("/v1/conversations/dm:1:2/messages?user={user}");
    let page = request(server.address, "GET", &path, None, None).body;
    page["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()).collect()
}

fn is_online(server: &Server, asker: u32, user: u32) -> bool {
    let answer = request(server.address, "GET", &format!("/v1/presence?users={user}&user={asker}"), None, None);
    answer.body["presence"][0]["online"] == true
}

/// An app whose user 2 may block user 1 by `block`.
fn a_block_withholds(folder: &Path, settings: &str, block: impl Fn(bool)) {
    std::fs::write(folder.join("tidings.toml"), settings).unwrap();
    let key = run(folder, &["keys", "new", "--name", "app"]).stdout;
    let server = Server::start(folder, &["--dev"]);
    let changes = |blocks| {
        block(blocks);
        let changed = json!({"user": BOB, "other": ANN, "what": ["blocks"]});
        assert_eq!(request(server.address, "POST", "/v1/changed", Some(key.trim()), Some(&changed)).status, 204);
    };
    let [mut ann, mut bob] = [ANN, BOB].map(|user| Client::dev(server.address, user));

    posts(&server, ANN, BOB, "heard");
    assert_eq!(bob.hear()["content"], "heard");
    assert!(is_online(&server, ANN, BOB) && is_online(&server, BOB, ANN));
    assert_eq!(ann.hear()["content"], "heard", "on what else she has open");

    changes(true);
    posts(&server, ANN, BOB, "withheld");
    assert_eq!(ann.hear()["content"], "withheld");
    assert!(!is_online(&server, ANN, BOB) && !is_online(&server, BOB, ANN));
    posts(&server, BOB, ANN, "what the blocker writes");
    assert_eq!(ann.hear()["content"], "what the blocker writes");
    assert_eq!(bob.hear()["content"], "what the blocker writes", "and before it nothing");

    changes(false);
    posts(&server, ANN, BOB, "heard again");
    assert_eq!(bob.hear()["content"], "heard again");
    assert!(is_online(&server, ANN, BOB));
    let all = ["heard", "withheld", "what the blocker writes", "heard again"].map(Value::from);
    assert_eq!(history(&server, ANN), all);
    let [first, _, third, last] = all;
    assert_eq!(history(&server, BOB), [first, Value::Null, third, last], "withheld for good");
}

#[test]
fn a_block_in_the_apps_table_withholds_private_messages() {
    let folder = tempfile::tempdir().unwrap();
    let database = Connection::open(folder.path().join("app.db")).unwrap();
    let tables = "CREATE TABLE Followers (follower_id, followee_id); CREATE TABLE Blocks (blocker_id, blocked_id)";
    database.execute_batch(tables).unwrap();
    a_block_withholds(folder.path(), BY_SQL, |blocks| {
        let change = if blocks { "INSERT INTO Blocks VALUES (2, 1)" } else { "DELETE FROM Blocks" };
        database.execute_batch(change).unwrap();
    });
    database.execute_batch("INSERT INTO Blocks VALUES (2, 1)").unwrap();
    let output = run(folder.path(), &["config", "check", "--user", "2"]);
    assert!(output.stdout.contains("app.blocked    1 blocked"), "{}{}", output.stdout, output.stderr);
}

#[test]
fn a_block_that_the_apps_backend_tells_of_withholds_private_messages() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = Arc::new(AtomicBool::new(false));
    let backend = backend(blocks.clone());
    a_block_withholds(folder.path(), &by_http(&backend), |blocked| blocks.store(blocked, Ordering::SeqCst));
}
