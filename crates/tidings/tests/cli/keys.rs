//! Keys of backends, made and revoked beside a running server.

use rustix::process::Signal;
use serde_json::json;

use crate::{
    client::Client,
    http::request,
    support::process::{Server, run},
};

#[test]
fn a_key_lives_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let put = |key: &str| request(server.address, "PUT", "/v1/groups/5/members/2", Some(key), None).status;
    let made = run(folder.path(), &["keys", "new", "--name", "app"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let key = made.stdout.trim();
    assert_eq!(made.stdout.lines().count(), 1, "the key alone stands on standard output");
    assert_eq!(put(key), 204);
    let listed = run(folder.path(), &["keys", "list"]);
    assert!(listed.stdout.contains("app") && listed.stdout.contains("all"), "{}", listed.stdout);
    assert!(!listed.stdout.contains(key));
    let narrow = run(folder.path(), &["keys", "new", "--name", "narrow", "--scope", "send,read"]).stdout;
    assert_eq!(put(narrow.trim()), 403);
    let message = json!({"type": "private", "from": 1, "to": 2, "content": "hi"});
    let sent = request(server.address, "POST", "/v1/messages", Some(narrow.trim()), Some(&message));
    assert_eq!((sent.status, &sent.body["seq"]), (201, &json!(1)), "{}", sent.body);
    let revoked = run(folder.path(), &["keys", "revoke", "app"]);
    assert_eq!(revoked.code, Some(0), "{}", revoked.stderr);
    assert!(!run(folder.path(), &["keys", "list"]).stdout.contains("app"));
}

#[test]
fn a_revoked_key_is_refused_and_its_name_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    let new = || run(folder.path(), &["keys", "new", "--name", "app"]);
    let old = new().stdout;
    assert_eq!(new().code, Some(1), "a name is taken once");
    assert_eq!(run(folder.path(), &["keys", "revoke", "app"]).code, Some(0));
    assert_eq!(run(folder.path(), &["keys", "revoke", "app"]).code, Some(1));
    let fresh = new().stdout;
    assert_ne!(old, fresh);
    let server = Server::start(folder.path(), &[]);
    let put = |key: &str| request(server.address, "PUT", "/v1/groups/5/members/2", Some(key.trim()), None).status;
    assert_eq!((put(&old), put(&fresh)), (401, 204));
}

#[test]
fn a_key_opens_a_server_that_keeps_no_messages() {
    let folder = tempfile::tempdir().unwrap();
    let key = run(folder.path(), &["keys", "new", "--name", "app", "--data", "D"]).stdout;
    let server = Server::start(folder.path(), &["--store", "none", "--data", "D"]);
    assert!(server.banner.contains("no message is kept"), "{}", server.banner);
    let ask = |method, path, body| request(server.address, method, path, Some(key.trim()), body);
    let put = ask("PUT", "/v1/groups/5/members/2", None);
    assert_eq!(put.status, 204, "{}", put.body);
    let token = run(folder.path(), &["token", "new", "--user", "2", "--data", "D"]).stdout;
    let mut bob = Client::with_token(server.address, token.trim()).ok().unwrap();
    let message = json!({"type": "group", "from": 2, "group_id": 5, "content": "hi"});
    let sent = ask("POST", "/v1/messages", Some(&message));
    assert!(sent.status < 300 && sent.body.get("seq").is_none(), "{} {}", sent.status, sent.body);
    let heard = bob.hear();
    assert_eq!((&heard["content"], heard.get("seq")), (&json!("hi"), None), "{heard}");
    // Another key is made while it runs; and the folder is still this server's alone.
    let second = run(folder.path(), &["keys", "new", "--name", "other", "--data", "D"]).stdout;
    assert_eq!(request(server.address, "PUT", "/v1/groups/5/members/3", Some(second.trim()), None).status, 204);
    assert_eq!(run(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "D"]).code, Some(1));
    server.signal(Signal::TERM);
    assert_eq!(bob.close_code(), 1012);
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    let database = rusqlite::Connection::open(folder.path().join("D/tidings.db")).unwrap();
    let messages: u64 = database.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(messages, 0);
}

#[test]
fn asking_for_keys_makes_no_folder_and_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["keys", "list", "--data", "D"][..], &["keys", "revoke", "app", "--data", "D"]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        assert!(output.stderr.contains("no data folder D"), "{}", output.stderr);
    }
    assert!(!folder.path().join("D").exists());
    std::fs::create_dir(folder.path().join("D")).unwrap();
    let listed = run(folder.path(), &["keys", "list", "--data", "D"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), ""), "{}", listed.stderr);
    let suggested = format!("{} keys new --name app", env!("CARGO_BIN_EXE_tidings"));
    assert!(listed.stderr.contains(&suggested), "{}", listed.stderr);
    assert_eq!(std::fs::read_dir(folder.path().join("D")).unwrap().count(), 0);
}

#[test]
fn an_unknown_scope_and_a_strange_name_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let scope = run(folder.path(), &["keys", "new", "--name", "app", "--scope", "write"]);
    assert_eq!(scope.code, Some(2));
    assert!(scope.stderr.contains("send, read, notify, admin"), "{}", scope.stderr);
    assert_eq!(run(folder.path(), &["keys", "new", "--name", "a b"]).code, Some(2));
}
