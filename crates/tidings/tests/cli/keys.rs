//! Keys of backends, made and revoked beside a running server.

use serde_json::json;

use crate::{
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
fn an_unknown_scope_and_a_strange_name_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let scope = run(folder.path(), &["keys", "new", "--name", "app", "--scope", "write"]);
    assert_eq!(scope.code, Some(2));
    assert!(scope.stderr.contains("send, read, notify, admin"), "{}", scope.stderr);
    assert_eq!(run(folder.path(), &["keys", "new", "--name", "a b"]).code, Some(2));
}
