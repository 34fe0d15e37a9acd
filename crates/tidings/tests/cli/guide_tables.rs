//! The guide's `DBPostDataFetcher`: a database with the guide's tables, and Tidings told of them by SQL in the configuration alone.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    client::Client,
    http::request,
    support::process::{Server, run},
};

const TABLES: &str = "
    CREATE TABLE Posts (id INTEGER PRIMARY KEY, user_id INTEGER, content TEXT);
    CREATE TABLE Followers (follower_id INTEGER, followee_id INTEGER, is_accepted INTEGER);
    INSERT INTO Posts VALUES (123, 1, 'hello');
    INSERT INTO Followers VALUES (2, 1, 1), (456, 1, 1), (3, 1, 1), (4, 1, 0);
";

/// The guide's own statements: the owner of a post, and the accepted followers of its owner.
const SETTINGS: &str = r#"
[app]
database = "app.db"
[app.posts]
query = "SELECT user_id FROM Posts WHERE id = ?"
[app.followers]
query = "SELECT follower_id FROM Followers WHERE followee_id = ? AND is_accepted = 1"
"#;

const OWNER: u32 = 1;
const FOLLOWER: u32 = 2;
/// Asked to follow, and was not accepted yet.
const PENDING: u32 = 4;
const STRANGER: u32 = 5;
const LIKER: u32 = 456;

/// Everybody hears a broadcast: what came before it was all that there was to hear.
fn until_broadcast(client: &mut Client) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let frame = client.hear_message();
        if frame["type"] == "broadcast" {
            return heard;
        }
        heard.push(frame);
    }
}

#[test]
fn a_like_reaches_the_owner_and_the_accepted_followers_who_are_there_and_nobody_else() {
    for acts in ["store", "announce"] {
        let folder = tempfile::tempdir().unwrap();
        let database = Connection::open(folder.path().join("app.db")).unwrap();
        database.execute_batch(TABLES).unwrap();
        let settings = format!("{SETTINGS}[social]\nacts = \"{acts}\"\n");
        std::fs::write(folder.path().join("tidings.toml"), settings).unwrap();
        let key = run(folder.path(), &["keys", "new", "--name", "app"]).stdout;
        let server = Server::start(folder.path(), &["--dev"]);
        let all = [OWNER, FOLLOWER, LIKER, PENDING, STRANGER];
        let mut clients: Vec<Client> = all.into_iter().map(|user| Client::dev(server.address, user)).collect();

        clients[2].say(json!({"type": "post_action", "post_id": 123, "action": "like"}));
        clients[2].say(json!({"type": "post_action", "post_id": 999, "action": "like"}));
        let refused = clients[2].hear();
        assert_eq!(refused["code"], "not_found", "{refused}");

        // A follow that the app has stored since: told of it, the server asks again.
        database.execute_batch("UPDATE Followers SET is_accepted = 1 WHERE follower_id = 4").unwrap();
        let changed = json!({"user": OWNER, "what": ["followers"]});
        assert_eq!(request(server.address, "POST", "/v1/changed", Some(key.trim()), Some(&changed)).status, 204);
        clients[2].say(json!({"type": "post_action", "post_id": 123, "action": "comment", "content": "well said"}));

        // All are told of an act at the same moment: what is sent when the owner has heard the last comes behind it for everybody.
        let mut owners = vec![clients[0].hear_message(), clients[0].hear_message()];
        clients[4].say(json!({"type": "broadcast", "content": "that was all"}));
        let actions = |heard: &[Value]| -> Vec<String> {
            assert!(heard.iter().all(|frame| frame["type"] == "post_action" && frame["user_id"] == LIKER), "{heard:?}");
            heard.iter().map(|frame| frame["action"].as_str().unwrap().to_owned()).collect()
        };
        let expected: [&[&str]; 5] = [&["like", "comment"], &["like", "comment"], &[], &["comment"], &[]];
        for ((user, client), expected) in all.into_iter().zip(&mut clients).zip(expected) {
            let mut heard = if user == OWNER { std::mem::take(&mut owners) } else { Vec::new() };
            heard.extend(until_broadcast(client));
            assert_eq!(actions(&heard), expected, "user {user}, acts = {acts}");
        }
    }
}
