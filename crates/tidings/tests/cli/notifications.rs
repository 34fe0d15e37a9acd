//! Notifications over kills: of many recipients each has exactly one, and of many likes each is counted.

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    http::request,
    support::process::{Server, run},
};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(300);

fn number(folder: &Path, sql: &str) -> i64 {
    let file = Connection::open(folder.join("data/tidings.db")).unwrap();
    file.busy_timeout(PATIENCE).unwrap();
    file.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
}

const FOLLOWERS: i64 = 100_000;

#[test]
fn of_100_000_recipients_each_has_exactly_one_though_the_server_is_killed_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let key = run(folder.path(), &["keys", "new", "--name", "app", "--scope", "notify"]).stdout;
    // It makes its tables, and goes.
    let server = Server::start(folder.path(), &["--dev"]);
    server.signal(Signal::TERM);
    server.wait();
    let seed = format!(
        "WITH RECURSIVE one(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM one WHERE n < {}) INSERT INTO social_follows \
         (follower, followee, state, created_at) SELECT n, 1, 'accepted', 0 FROM one",
        FOLLOWERS + 1
    );
    Connection::open(folder.path().join("data/tidings.db")).unwrap().execute(&seed, []).unwrap();

    let mut server = Server::start(folder.path(), &["--dev"]);
    let notice = json!({"to": {"followers_of": 1}, "subtype": "news", "message": "A new album", "actor": 1});
    let answer = request(server.address, "POST", "/v1/notifications", Some(key.trim()), Some(&notice));
    assert_eq!(answer.status, 202, "{}", answer.body);
    let there = || number(folder.path(), "SELECT count(*) FROM notify_rows");
    for share in [1, 2, 3] {
        wait_until("recipients have theirs", || there() >= share * FOLLOWERS / 5);
        server.signal(Signal::KILL);
        server.wait();
        assert!(there() < FOLLOWERS, "it was killed on the way");
        server = Server::start(folder.path(), &["--dev"]);
    }
    wait_until("the job is done", || number(folder.path(), "SELECT count(*) FROM notify_jobs") == 0);
    assert_eq!(there(), FOLLOWERS);
    assert_eq!(number(folder.path(), "SELECT count(DISTINCT owner) FROM notify_rows"), FOLLOWERS);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM notify_inboxes WHERE head = 1 AND unread = 1"), FOLLOWERS);
}

const LIKERS: usize = 1_000;

/// A user's request by `?user=`: its status, or none where the server went meanwhile.
fn attempt(address: std::net::SocketAddr, method: &str, path: &str) -> Option<u16> {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(address).ok()?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    socket.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_thousand_likes_at_once_are_a_thousand_actors_though_the_server_is_killed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.toml"), "[limits]\nenabled = false\n").unwrap();
    let server = Server::start(folder.path(), &["--dev"]);
    let post = json!({"content": "hello"});
    let post = request(server.address, "POST", "/v1/posts?user=1", None, Some(&post)).body["id"].clone();
    let post = post.as_str().map_or_else(|| post.to_string(), str::to_owned);
    let (address, liked, next) = (Mutex::new(server.address), AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let liker = next.fetch_add(1, Ordering::SeqCst);
                    if liker >= LIKERS {
                        return;
                    }
                    let path = format!("/v1/posts/{post}/like?user={}", 1_000 + liker);
                    let began = Instant::now();
                    loop {
                        let to = *address.lock().unwrap();
                        match attempt(to, "PUT", &path) {
                            Some(204) => break,
                            _ if began.elapsed() < PATIENCE => std::thread::yield_now(),
                            _ => return failed.store(true, Ordering::SeqCst),
                        }
                    }
                    liked.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let mut server = server;
        for share in [1, 2, 3] {
            wait_until("likes are acknowledged", || liked.load(Ordering::SeqCst) >= share * LIKERS / 5);
            server.signal(Signal::KILL);
            server.wait();
            server = Server::start(folder.path(), &["--dev"]);
            *address.lock().unwrap() = server.address;
        }
        wait_until("all have liked", || liked.load(Ordering::SeqCst) == LIKERS || failed.load(Ordering::SeqCst));
        let inbox = request(server.address, "GET", "/v1/inbox?user=1", None, None).body;
        let row = &inbox["notifications"][0];
        assert_eq!((&row["count"], &row["events"]), (&json!(LIKERS), &json!(LIKERS)), "{inbox}");
        assert_eq!((&inbox["unread"], inbox["notifications"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    });
    assert!(!failed.load(Ordering::SeqCst));
}
