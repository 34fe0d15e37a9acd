//! The webhook of the program, as it is configured, over a kill.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    time::Instant,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    http::request,
    support::process::{PATIENCE, Server, run},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn configure(folder: &Path, webhooks: &str) {
    std::fs::write(folder.join("tidings.toml"), format!("[channels]\ndelay = \"0s\"\n[webhooks]\n{webhooks}")).unwrap();
}

/// The next request: its connection, unanswered, its id and its body.
fn next(backend: &TcpListener) -> (TcpStream, String, Value) {
    backend.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    let connection = loop {
        match backend.accept() {
            Ok((connection, _)) => break connection,
            Err(_) => assert!(begun.elapsed() < PATIENCE, "nothing is sent"),
        }
        std::thread::yield_now();
    };
    connection.set_nonblocking(false).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("webhook-id", value)) => id = value.to_owned(),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (connection, id, serde_json::from_slice(&body).unwrap())
}

#[test]
fn what_was_sent_when_the_server_was_killed_is_sent_again_with_its_id_and_then_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", backend.local_addr().unwrap());
    configure(folder.path(), &format!("url = \"{url}\"\nsecret = \"{SECRET}\"\nallow_private = true\n"));
    let key = run(folder.path(), &["keys", "new", "--name", "app", "--scope", "notify"]).stdout;
    let server = Server::start(folder.path(), &["--dev"]);
    let like = json!({"to": [7], "subtype": "post_like", "actor": 8, "group_key": "post:9"});
    assert_eq!(request(server.address, "POST", "/v1/notifications", Some(key.trim()), Some(&like)).status, 202);
    let (unanswered, first, body) = next(&backend);
    assert_eq!(body["data"]["body"], "User 8 liked your post");
    server.signal(Signal::KILL);
    server.wait();
    drop(unanswered);

    let _server = Server::start(folder.path(), &["--dev"]);
    let (mut connection, again, _) = next(&backend);
    assert_eq!(again, first);
    connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let file = rusqlite::Connection::open(folder.path().join("data").join(tidings_sqlite::FILE)).unwrap();
    let waiting = || file.query_row("SELECT count(*) FROM notify_deliveries", [], |row| row.get::<_, i64>(0)).unwrap();
    let begun = Instant::now();
    while waiting() > 0 {
        assert!(begun.elapsed() < PATIENCE, "it is never done with");
        std::thread::yield_now();
    }
}

#[cfg(not(feature = "web-push"))]
#[test]
fn a_build_without_web_push_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.toml"), "[push]\ncontact = \"mailto:ops@tidings.example\"\n").unwrap();
    let output = run(folder.path(), &["config", "check"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("--features web-push"), "{}", output.stderr);
}

#[test]
fn what_cannot_be_sent_to_is_said_at_the_start() {
    for (webhooks, said) in [
        ("url = \"http://app.example/\"\n", "`webhooks.secret` must be set"),
        (
            "url = \"http://127.0.0.1/\"\nsecret = \"whsec_c2hvcnQ=\"\nallow_private = true\n",
            "`webhooks.secret`: a webhook's secret is",
        ),
        (
            &*format!("url = \"http://127.0.0.1/\"\nsecret = \"{SECRET}\"\n"),
            "`webhooks.url`: a URL that begins with `https://`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        configure(folder.path(), webhooks);
        let output = run(folder.path(), &["config", "check"]);
        assert_eq!(output.code, Some(2), "{webhooks}");
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
}
