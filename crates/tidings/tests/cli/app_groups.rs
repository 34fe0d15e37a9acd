//! Groups of the app's own table: who joined or left there is seen when the app says so.

use rusqlite::Connection;
use serde_json::json;

use crate::{
    client::Client,
    http::request,
    support::process::{Server, run},
};

const SETTINGS: &str = r#"
[app]
database = "app.db"
[app.groups]
query = "SELECT user_id FROM GroupMembers WHERE group_id = :group"
"#;

#[test]
fn who_joined_or_left_in_the_apps_table_is_seen_at_once_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let database = Connection::open(folder.path().join("app.db")).unwrap();
    let tables = "CREATE TABLE GroupMembers (group_id, user_id); INSERT INTO GroupMembers VALUES (5, 1), (5, 2)";
    database.execute_batch(tables).unwrap();
    std::fs::write(folder.path().join("tidings.toml"), SETTINGS).unwrap();
    let key = run(folder.path(), &["keys", "new", "--name", "app"]).stdout;
    let server = Server::start(folder.path(), &["--dev"]);
    let [mut ann, mut bob, mut eve] = [1, 2, 3].map(|user| Client::dev(server.address, user));
    let says = |client: &mut Client, content| client.say(json!({"type": "group", "group_id": 5, "content": content}));

    says(&mut ann, "to Bob");
    assert_eq!(bob.hear()["content"], "to Bob");
    says(&mut eve, "from outside");
    assert_eq!(eve.hear()["code"], "not_a_member");

    database.execute_batch("UPDATE GroupMembers SET user_id = 3 WHERE user_id = 2").unwrap();
    let changed = json!({"groups": [5]});
    assert_eq!(request(server.address, "POST", "/v1/changed", Some(key.trim()), Some(&changed)).status, 204);
    says(&mut ann, "to Eve");
    assert_eq!(eve.hear()["content"], "to Eve");
    says(&mut bob, "from outside");
    assert_eq!(bob.hear()["code"], "not_a_member", "and nothing of the group before");
    let member = "/v1/groups/5/members/2";
    let answer = request(server.address, "PUT", member, Some(key.trim()), None);
    assert_eq!(answer.body["code"], "not_enabled", "{}", answer.body);
}
