//! Backups beside a running server, and their being put back.

use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    client::Client,
    http::request,
    support::process::{Server, run},
};

fn say(client: &mut Client, content: &str) {
    client.say(json!({"type": "private", "to": 2, "content": content}));
}

fn contents(server: SocketAddr) -> Vec<Value> {
    let page = request(server, "GET", "/v1/conversations/dm:1:2/messages?user=2&limit=100", None, None);
    assert_eq!(page.status, 200, "{}", page.body);
    page.body["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()).collect()
}

fn epoch(database: &Path) -> String {
    let database = Connection::open(database).unwrap();
    database.query_row("SELECT epoch FROM meta", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_backup_beside_a_busy_server_is_put_back_as_another_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let server = Server::start(folder.path(), &["--dev"]);
    let mut bob = Client::dev(server.address, 2);
    let mut ann = Client::dev(server.address, 1);
    for content in ["one", "two"] {
        say(&mut ann, content);
        bob.hear();
    }
    let done = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        // Another pair writes to one another as fast as it can, while copies are made.
        let load = scope.spawn(|| {
            let (mut eve, mut dan) = (Client::dev(server.address, 3), Client::dev(server.address, 4));
            let mut sent = 0_u32;
            while !done.load(Ordering::Relaxed) {
                eve.say(json!({"type": "private", "to": 4, "content": "x".repeat(1_000)}));
                dan.hear();
                sent += 1;
            }
            sent
        });
        for name in ["first", "second"] {
            let made = run(folder.path(), &["backup", name]);
            assert_eq!((made.code, made.stdout.as_str()), (Some(0), ""), "{}", made.stderr);
            assert!(made.stderr.contains("restore"), "{}", made.stderr);
        }
        done.store(true, Ordering::Relaxed);
        load.join().unwrap()
    });
    assert!(sent > 0);
    say(&mut ann, "three");
    bob.hear();
    let again = run(folder.path(), &["backup", "second"]);
    assert_eq!(again.code, Some(2), "a backup replaces nothing: {}", again.stderr);

    let refused = run(folder.path(), &["restore", "second", "--replace"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("process {}", server.pid())), "{}", refused.stderr);
    assert_eq!(contents(server.address), ["one", "two", "three"]);
    drop((ann, bob));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0, Some(0));
    let before = epoch(&at("data/tidings.db"));

    assert_eq!(run(folder.path(), &["restore", "second"]).code, Some(2), "it is not replaced without being told");
    let restored = run(folder.path(), &["restore", "second", "--replace"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(restored.stderr.contains("tidings.db.replaced-1"), "{}", restored.stderr);
    let server = Server::start(folder.path(), &["--dev"]);
    assert_eq!(contents(server.address), ["one", "two"]);
    let mut bob = Client::dev(server.address, 2);
    say(&mut Client::dev(server.address, 1), "another three");
    assert_eq!(bob.hear()["seq"], 3);
    drop((bob, server));
    let after = epoch(&at("data/tidings.db"));
    assert_ne!(before, after);
    assert_eq!(epoch(&at("data/tidings.db.replaced-1")), before);

    // A copy that was only put there by hand is known for what it is.
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("data")).unwrap();
    std::fs::copy(at("first"), other.path().join("data/tidings.db")).unwrap();
    let server = Server::start(other.path(), &["--dev"]);
    assert_eq!(contents(server.address), ["one", "two"]);
    drop(server);
    let third = epoch(&other.path().join("data/tidings.db"));
    assert!(third != before && third != after);
}

#[test]
fn a_new_folder_takes_a_backup_and_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let key = run(folder.path(), &["keys", "new", "--name", "app"]).stdout;
    assert_eq!(run(folder.path(), &["backup", "copy", "--data", "data"]).code, Some(0));
    let restored = run(folder.path(), &["restore", "copy", "--data", "other"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    let server = Server::start(folder.path(), &["--data", "other"]);
    let put = request(server.address, "PUT", "/v1/groups/5/members/2", Some(key.trim()), None);
    assert_eq!(put.status, 204, "{}", put.body);
}

#[test]
fn what_can_not_be_copied_or_put_back_ends_with_2_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    std::fs::write(folder.path().join("letter"), "a letter").unwrap();
    for (arguments, expected) in [
        (&["backup", "copy"][..], "there is no database in the data folder ./data"),
        (&["restore", "gone"], "there is no file gone"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{}", output.stderr);
        assert_eq!(names(), ["letter"]);
    }
    let output = run(folder.path(), &["restore", "letter"]);
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(output.stderr.contains("letter is no backup"), "{}", output.stderr);
    assert!(!folder.path().join("data/tidings.db").exists());
}
