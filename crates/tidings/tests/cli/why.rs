//! `tidings why` and `tidings tail`, against a server of the real program.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    sync::mpsc::{Receiver, sync_channel},
};

use serde_json::{Value, json};

use crate::{
    http::request,
    support::process::{PATIENCE, Server, command, run},
};

struct World {
    folder: tempfile::TempDir,
    server: Server,
    key: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = run(folder.path(), &["keys", "new", "--name", "app"]).stdout.trim().to_owned();
        let server = Server::start(folder.path(), &["--dev"]);
        Self { folder, server, key }
    }

    fn does(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = request(self.server.address, method, path, Some(&self.key), Some(body));
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    fn notice(&self, body: &Value) -> String {
        self.does("POST", "/v1/notifications", body)["id"].as_str().unwrap().to_owned()
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[test]
fn why_says_what_a_preference_kept_away_and_where_a_notification_stands() {
    let world = World::new();
    let off = json!({"preferences": [{"subtype": "post_like", "mode": "off"}]});
    world.does("PUT", "/v1/preferences?user=7", &off);
    let id = world.notice(&json!({"to": [7, 8], "subtype": "post_like", "actor": 2, "group_key": "post:9"}));
    let url = world.url();
    let why = run(world.folder(), &["why", &id, "--url", &url, "--key", &world.key]);
    assert_eq!(why.code, Some(0), "{}", why.stderr);
    let lines: Vec<&str> = why.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!("{id} is a notice, taken 20")), "{}", why.stdout);
    assert!(lines[1].ends_with("Z  post_like: not given to user 7 (preference: switched off by the recipient)"));
    assert!(lines[2].contains("Z  post_like: stored in the inbox of user 8, as the notification "), "{}", why.stdout);
    assert_eq!(lines.len(), 3);
    // A server with --dev asks for no key.
    assert_eq!(run(world.folder(), &["why", &id, "--url", &url]).stdout, why.stdout);

    let row = world.does("GET", "/v1/inbox?user=8", &Value::Null)["notifications"][0]["id"].clone();
    let row = row.as_str().unwrap();
    let said = run(world.folder(), &["why", row, "--url", &url]).stdout;
    let expected = format!(
        "{row} is a notification of user 8: post_like, joined by post:9\n  unseen by no mark\n  1 users, 1 events\n  \
         user 2, by the notice {id}\n"
    );
    assert_eq!(said, expected);

    let nothing = run(world.folder(), &["why", "7", "--url", &url]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.stdout.starts_with("7: nothing is known of it."), "{}", nothing.stdout);
    let weak = run(world.folder(), &["keys", "new", "--name", "weak", "--scope", "send"]).stdout;
    let refused = run(world.folder(), &["why", &id, "--url", &url, "--key", weak.trim()]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("lacks the scope") && refused.stderr.contains("keys new"), "{}", refused.stderr);
    let nobody = run(world.folder(), &["why", &id, "--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.code, Some(1), "{}", nobody.stderr);
}

/// Lines of a process that goes on, as they come.
fn lines(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = sync_channel(100);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    told
}

#[test]
fn tail_prints_what_was_and_follows_what_comes() {
    let world = World::new();
    let off = json!({"preferences": [{"subtype": "mention", "mode": "off"}]});
    world.does("PUT", "/v1/preferences?user=7", &off);
    let notice = |subtype: &str, actor: u32| json!({"to": [7], "subtype": subtype, "actor": actor});
    world.notice(&notice("mention", 2));
    world.notice(&notice("new_follower", 3));
    let url = world.url();
    let once = run(world.folder(), &["tail", "--user", "7", "--once", "--url", &url]);
    let told: Vec<&str> = once.stdout.lines().collect();
    assert_eq!((once.code, told.len()), (Some(0), 2), "{}{}", once.stdout, once.stderr);
    assert!(told[0].ends_with("mention: not given to user 7 (preference: switched off by the recipient)"), "{told:?}");
    assert!(told[1].contains("new_follower: \"User 3 follows you\" (unseen, change 1, notification "), "{told:?}");

    let arguments = ["tail", "--user", "7", "--url", &url, "--key", &world.key];
    let mut following = command(world.folder(), &arguments).spawn().unwrap();
    let told = lines(following.stdout.take().unwrap());
    let explained = lines(following.stderr.take().unwrap());
    let next = || told.recv_timeout(PATIENCE).unwrap();
    assert!(next().contains("mention"));
    assert!(next().contains("User 3 follows you"));
    assert_eq!(explained.recv_timeout(PATIENCE).unwrap(), "following user 7");
    world.notice(&notice("mention", 4));
    assert!(next().ends_with("not given to user 7 (preference: switched off by the recipient)"));
    world.notice(&notice("new_follower", 5));
    assert!(next().contains("User 5 follows you"));
    assert_eq!(next(), "the inbox has 2 unread, 2 unseen");
    following.kill().unwrap();
    following.wait().unwrap();
}
