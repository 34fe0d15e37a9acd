//! The app's own tables and endpoints, as the program asks them.

use rusqlite::Connection;
use tidings_testkit::{AppBackend, Reply};

use crate::{
    http::request,
    support::{
        http::ask,
        process::{Server, run},
    },
};

const TABLES: &str = "
    CREATE TABLE Users (id INTEGER PRIMARY KEY, name TEXT, language TEXT);
    CREATE TABLE Posts (id INTEGER PRIMARY KEY, user_id INTEGER, content TEXT);
    CREATE TABLE Followers (follower_id, followee_id, is_accepted);
    CREATE TABLE GroupMembers (group_id, user_id);
    CREATE TABLE Sessions (cookie TEXT PRIMARY KEY, user_id);
    INSERT INTO Users VALUES (7, 'Ann', 'de');
    INSERT INTO Posts VALUES (123, 7, 'hello');
    INSERT INTO Followers VALUES (8, 7, 1), (456, 7, 1), (9, 7, 0), (7, 8, 1);
    INSERT INTO GroupMembers VALUES (5, 7), (9, 7), (9, 8);
    INSERT INTO Sessions VALUES ('anns', 7);
";

const SETTINGS: &str = r#"
[app]
database = "app.db"
[app.sessions]
query = "SELECT user_id FROM Sessions WHERE cookie = :cookie"
[app.users]
query = "SELECT name, language FROM Users WHERE id = :user"
[app.posts]
query = "SELECT user_id, content FROM Posts WHERE id = ?"
[app.followers]
query = "SELECT follower_id FROM Followers WHERE followee_id = :user AND is_accepted = 1"
pending = "SELECT follower_id FROM Followers WHERE followee_id = :user AND is_accepted = 0"
[app.following]
query = "SELECT followee_id FROM Followers WHERE follower_id = :user AND is_accepted = 1"
[app.groups]
query = "SELECT user_id FROM GroupMembers WHERE group_id = :group"
of_user = "SELECT group_id FROM GroupMembers WHERE user_id = :user"
[auth]
session_memory = "1h"
"#;

fn app(settings: &str) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let database = Connection::open(folder.path().join("app.db")).unwrap();
    database.execute_batch(TABLES).unwrap();
    std::fs::write(folder.path().join("tidings.toml"), settings).unwrap();
    (folder, database)
}

#[test]
fn check_says_what_it_found_about_a_user() {
    let (folder, database) = app(SETTINGS);
    let output = run(folder.path(), &["config", "check", "--user", "7", "--post", "123"]);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    for line in [
        "app.sessions   can't be asked about a user",
        "app.users      name Ann, language de, no zone",
        "app.followers  2 followers, 1 pending left out",
        "app.following  1 followed",
        "app.groups     groups 5 and 9",
        "app.posts      post 123 of user 7, with content",
    ] {
        assert!(output.stdout.contains(line), "{line}\n{}", output.stdout);
    }
    database.execute_batch("INSERT INTO Followers VALUES ('somebody', 7, 1)").unwrap();
    let output = run(folder.path(), &["config", "check", "--user", "7"]);
    assert_eq!(output.code, Some(2), "{}", output.stdout);
    assert!(
        output.stdout.contains("app.followers  FAILED: a statement failed: app.followers.query"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_statement_or_address_that_can_not_be_used_ends_with_2_and_names_its_setting() {
    for (settings, expected) in [
        ("[app]\ndatabase = \"gone.db\"\n", "app.database: open the app's database gone.db"),
        (
            "[app]\ndatabase = \"app.db\"\n[app.users]\nquery = \"SELECT nick FROM Users WHERE id = ?\"\n",
            "`app.users.query` can't be prepared: no such column: nick",
        ),
        (
            "[app]\ndatabase = \"app.db\"\n[app.users]\nquery = \"DELETE FROM Users WHERE id = ? RETURNING name\"\n",
            "`app.users.query` must only read",
        ),
        ("[app.users]\nurl = \"http://app/{id}\"\n", "`app.users.url` has the place `{id}`"),
        #[cfg(not(feature = "tls"))]
        ("[app.users]\nurl = \"https://app/{user}\"\n", "the feature `tls`"),
    ] {
        let (folder, _database) = app(settings);
        for arguments in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let output = run(folder.path(), arguments);
            assert_eq!(output.code, Some(2), "{settings}: {}", output.stderr);
            assert!(output.stderr.contains(expected), "{settings}: {}", output.stderr);
        }
    }
}

#[test]
fn a_session_of_the_app_is_taken_until_the_app_says_that_it_is_over() {
    let (folder, database) = app(SETTINGS);
    let key = run(folder.path(), &["keys", "new", "--name", "app", "--scope", "send"]).stdout;
    let server = Server::start(folder.path(), &[]);
    let me = || {
        let (head, body) = ask(server.address, "GET", "/v1/me", &[("Cookie", "tidings_session=anns".to_owned())], "");
        (head.split(' ').nth(1).unwrap().to_owned(), body)
    };
    assert!(me().1.contains("\"user\":7"), "{:?}", me());
    database.execute_batch("DELETE FROM Sessions").unwrap();
    assert_eq!(me().0, "200", "it is remembered");
    let told = serde_json::json!({"user": 7, "what": ["sessions", "profile", "followers", "blocks"]});
    assert_eq!(request(server.address, "POST", "/v1/changed", Some(key.trim()), Some(&told)).status, 204);
    assert_eq!(me().0, "401");
}

#[test]
fn a_session_of_the_apps_backend_is_asked_for_with_its_cookie() {
    let backend = AppBackend::start(|request| match request.header("cookie") {
        Some("tidings_session=anns") => Reply::Json(r#"{"user": 7}"#.into()),
        _ => Reply::Status(401),
    });
    let (folder, _database) = app(&format!("[app.sessions]\nurl = \"{}\"\n", backend.url("/session")));
    let server = Server::start(folder.path(), &[]);
    for (cookie, status) in [("anns", "200"), ("bobs", "401")] {
        let fields = [("Cookie", format!("tidings_session={cookie}"))];
        let (head, _) = ask(server.address, "GET", "/v1/me", &fields, "");
        assert_eq!(head.split(' ').nth(1), Some(status), "{cookie}");
    }
    assert_eq!(backend.requests().len(), 2);
}
