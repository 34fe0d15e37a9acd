//! `examples/any-backend` as its README has it: a backend in another language and the program, two processes that share a SQLite file.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    client::Client,
    http::request,
    support::{
        http::ask,
        process::{Server, command, run},
    },
};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/any-backend");

/// A Python program of the example. Killed when dropped.
struct Script {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Script {
    fn start(folder: &Path, name: &str, arguments: &[&str], key: &str) -> Self {
        let mut command = Command::new("python3");
        command.arg(name).args(arguments).current_dir(folder).env("SERVICE_KEY", key).stdin(Stdio::null());
        let complaints = File::create(folder.join(format!("{name}.log"))).unwrap();
        let child = command.stdout(Stdio::piped()).stderr(complaints).spawn();
        let mut child = child.expect("Python 3 runs the example: on Debian or Ubuntu, `apt-get install python3`");
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both processes, on the example's own files.
struct World {
    folder: tempfile::TempDir,
    server: Server,
    _backend: Script,
    backend: SocketAddr,
    key: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in ["backend.py", "listen.py", "schema.sql", "tidings.toml"] {
            fs::copy(format!("{EXAMPLE}/{file}"), folder.path().join(file)).unwrap();
        }
        // With ports of the system's choice the backend must know where Tidings is, so here Tidings starts first, and needs the tables.
        let schema = fs::read_to_string(folder.path().join("schema.sql")).unwrap();
        Connection::open(folder.path().join("app.db")).unwrap().execute_batch(&schema).unwrap();
        let key = run(folder.path(), &["keys", "new", "--name", "backend", "--scope", "send"]).stdout.trim().to_owned();
        let mut serve = command(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        // What the backend tells of is to be seen at once, not because something has grown old.
        serve.env("TIDINGS_APP__MAX_AGE", "1h").env("TIDINGS_AUTH__SESSION_MEMORY", "1h");
        let server = Server::spawn(&mut serve);
        let tidings = format!("http://{}", server.address);
        let arguments = ["--port", "0", "--tidings", &tidings];
        let mut process = Script::start(folder.path(), "backend.py", &arguments, &key);
        let backend = process.line().trim_start_matches("http://").parse().unwrap();
        Self { folder, server, _backend: process, backend, key }
    }

    /// Asks the backend; the status and the header fields of its answer.
    fn post(&self, path: &str, cookie: &str, body: Value) -> (u16, String) {
        let fields = [("Cookie", format!("theme=dark; {cookie}"))];
        let (head, _) = ask(self.backend, "POST", path, &fields, &body.to_string());
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
    }

    /// The cookie of a session.
    fn log_in(&self, name: &str) -> String {
        let (status, head) = self.post("/login", "", json!({"name": name}));
        assert_eq!(status, 204, "{head}");
        let (_, cookie) = head.split_once("Set-Cookie: ").unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Sends something that everybody hears: what came before it was all that there was to hear.
    fn end(&self) {
        let end = json!({"type": "broadcast", "content": "that was all"});
        assert_eq!(request(self.server.address, "POST", "/v1/messages", Some(&self.key), Some(&end)).status, 202);
    }

    /// What the backend said of its own troubles.
    fn complaints(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("backend.py.log")).unwrap();
        log.lines().filter(|line| line.contains("Tidings") || line.contains("Traceback")).collect()
    }
}

/// Of the next like: which post, and by whom. None at the end.
fn like(client: &mut Client) -> Option<(u64, u64)> {
    let frame = client.hear_message();
    if frame["type"] == "broadcast" {
        return None;
    }
    assert_eq!((&frame["type"], &frame["action"]), (&json!("post_action"), &json!("like")), "{frame}");
    Some((frame["post_id"].as_u64().unwrap(), frame["from"].as_u64().unwrap()))
}

#[test]
fn a_like_that_a_backend_stores_is_heard_by_whom_its_own_tables_name() {
    let world = World::new();
    let cookies = ["Ann", "Bob", "Cleo", "Dan", "Eve"].map(|name| world.log_in(name));
    let [ann, bob, cleo, dan, _] = &cookies;
    let mut clients = cookies.each_ref().map(|cookie| Client::with_cookie(world.server.address, cookie).unwrap());
    let heard_by_bob = ["--backend", &world.backend.to_string(), "--tidings", &world.server.address.to_string()];
    let mut listener = Script::start(world.folder.path(), "listen.py", &[&["Bob"], &heard_by_bob[..]].concat(), "");
    assert_eq!(listener.line(), "Bob listens");

    let does = |path, cookie: &str, body| world.post(path, cookie, body).0;
    assert_eq!(does("/like", "session=nobodys", json!({"post_id": 123})), 401);
    assert_eq!(does("/like", cleo, json!({"post_id": 999})), 404);
    assert_eq!(does("/like", cleo, json!({"post_id": 123})), 204);
    assert_eq!(does("/like", cleo, json!({"post_id": 123})), 204, "again: nothing changes and nobody is told");
    // Ann accepts Dan, and Dan follows Eve, whose account is public: what follows they hear.
    assert_eq!(does("/like", cleo, json!({"post_id": 125})), 204);
    assert_eq!(does("/accept", ann, json!({"follower_id": 4})), 204);
    assert_eq!(does("/follow", dan, json!({"user_id": 5})), 204);
    assert_eq!(does("/like", cleo, json!({"post_id": 124})), 204);
    assert_eq!(does("/like", bob, json!({"post_id": 126})), 204);
    // All are told of a like at the same moment: the end comes behind it for everybody when one has heard the last.
    assert_eq!([like(&mut clients[4]), like(&mut clients[4])], [Some((125, 3)), Some((126, 2))]);
    world.end();

    let expected: [&[(u64, u64)]; 5] = [&[(123, 3), (124, 3)], &[(123, 3), (124, 3)], &[], &[(124, 3), (126, 2)], &[]];
    for ((name, client), expected) in ["Ann", "Bob", "Cleo", "Dan", "Eve"].iter().zip(&mut clients).zip(expected) {
        let heard: Vec<_> = std::iter::from_fn(|| like(client)).collect();
        assert_eq!(heard, expected, "{name}");
    }
    let line = listener.line();
    assert!(line.starts_with("Bob hears {") && line.contains(r#""post_id":123,"action":"like""#), "{line}");
    assert_eq!(world.complaints(), "");
}

#[test]
fn who_logs_out_of_the_backend_opens_no_connection_more() {
    let world = World::new();
    let cookie = world.log_in("Dan");
    assert!(Client::with_cookie(world.server.address, &cookie).is_ok());
    assert_eq!(world.post("/logout", &cookie, json!({})).0, 204);
    assert_eq!(Client::with_cookie(world.server.address, &cookie).err(), Some(401));
    assert_eq!(world.complaints(), "");
}
