//! `tidings bench`, from outside, on real servers.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::Path,
    process::Child,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    client::Client,
    http::request,
    support::process::{Output, PATIENCE, Server, command, run},
};

/// A run of a few users and a second for each thing.
fn bench(folder: &Path, server: &Server, more: &[&str]) -> Output {
    let url = format!("http://{}", server.address);
    let mut arguments = vec!["bench", "--url", &url, "--seconds", "1"];
    for (name, value) in [("--connections", "4"), ("--rate", "40")] {
        if !more.contains(&name) {
            arguments.extend([name, value]);
        }
    }
    run(folder, &[&arguments, more].concat())
}

fn key(folder: &Path) -> String {
    run(folder, &["keys", "new", "--name", "bench"]).stdout.trim().to_owned()
}

fn findings(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("found.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document["findings"].as_array().unwrap().clone()
}

fn messages(folder: &Path) -> u64 {
    let database = rusqlite::Connection::open(folder.join("data/tidings.db")).unwrap();
    database.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_small_run_asks_everything_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(folder.path());
    let server = Server::start(folder.path(), &[]);
    let pid = server.pid().to_string();
    let output = bench(
        folder.path(),
        &server,
        &["--data", "data", "--kept", "--key", &key, "--pid", &pid, "--json", "found.json"],
    );
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("users 9000000000 to 9000000003"), "{}", output.stderr);
    let findings = findings(folder.path());
    let names: Vec<_> = findings.iter().map(|finding| finding["scenario"].as_str().unwrap()).collect();
    assert_eq!(names, ["connect", "idle", "ping", "private1", "private32", "push", "group"]);
    for finding in &findings {
        assert!(output.stdout.contains(finding["scenario"].as_str().unwrap()), "{}", output.stdout);
        assert_eq!([&finding["lost"], &finding["doubled"], &finding["reordered"]], [0, 0, 0], "{finding}");
        assert!(finding["count"].as_u64().unwrap() > 0 && finding["resident_kib"].as_u64().unwrap() > 0, "{finding}");
    }
    // Everybody but the sender of a group's message hears it; a push is heard by all.
    for (name, heard_by) in [("private1", 1), ("private32", 1), ("push", 4), ("group", 3)] {
        let finding = findings.iter().find(|finding| finding["scenario"] == name).unwrap();
        let sent = finding["sent"].as_u64().unwrap();
        assert_eq!(finding["count"].as_u64().unwrap(), sent * heard_by, "{finding}");
        // 40 a second for one second, and the first at once.
        assert!(sent <= 40 / heard_by + 2, "{finding}");
    }
    let members = request(server.address, "GET", "/v1/groups/9000000000/members", Some(&key), None);
    assert_eq!(members.body["members"], json!([]), "the group is empty again");
}

#[test]
fn without_leave_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev"]);
    let output = bench(folder.path(), &server, &["--dev", "--json", "found.json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("private32: the server would keep these messages"), "{}", output.stderr);
    assert_eq!((findings(folder.path()).len(), messages(folder.path())), (3, 0));
    let refused = bench(folder.path(), &server, &["--dev", "--scenario", "private1"]);
    assert_eq!((refused.code, messages(folder.path())), (Some(2), 0));
    assert!(refused.stderr.contains("--kept allows that"), "{}", refused.stderr);
}

#[test]
fn a_server_that_keeps_nothing_is_asked_without_leave() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev", "--store", "none"]);
    let output = bench(folder.path(), &server, &["--dev", "--scenario", "private32", "--json", "found.json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(findings(folder.path())[1]["scenario"], "private32");
}

#[test]
fn a_refused_credential_says_which_one_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let refused = |more: &[&str]| {
        let output = bench(folder.path(), &server, more);
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        output.stderr
    };
    let said = refused(&["--dev"]);
    assert!(said.contains("401") && said.contains("--dev needs a server started with --dev"), "{said}");
    let tokens = ["1", "2", "3", "4"]
        .map(|user| run(folder.path(), &["token", "new", "--user", user, "--data", "other"]).stdout);
    fs::write(folder.path().join("tokens"), tokens.concat()).unwrap();
    let said = refused(&["--token-file", "tokens"]);
    assert!(said.contains("user 1 was refused with 401") && said.contains("token check"), "{said}");
    let said = refused(&["--data", "other"]);
    assert!(said.contains("401") && said.contains("secret of other"), "{said}");
    let said = refused(&["--data", "data", "--key", "tdk_nobody"]);
    assert!(said.contains("401") && said.contains("tidings keys new"), "{said}");
    let narrow = run(folder.path(), &["keys", "new", "--name", "narrow", "--scope", "send"]).stdout;
    let said = refused(&["--data", "data", "--kept", "--key", narrow.trim()]);
    assert!(said.contains("lacks the scope read"), "{said}");
}

#[test]
fn given_tokens_are_good_for_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let tokens = ["1", "2", "3", "4"].map(|user| run(folder.path(), &["token", "new", "--user", user]).stdout);
    fs::write(folder.path().join("tokens"), tokens.concat()).unwrap();
    let output = bench(folder.path(), &server, &["--token-file", "tokens", "--kept", "--scenario", "private1"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("one each of the users 1 … 4"), "{}", output.stderr);
}

#[test]
fn a_closed_port_and_tls_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(folder.path(), &["bench", "--dev", "--url", &format!("http://{free}")]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains(&format!("nobody listens on {free}")), "{}", output.stderr);
    let output = run(folder.path(), &["bench", "--dev", "--url", "wss://chat.example/ws"]);
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(output.stderr.contains("TLS is not spoken here"), "{}", output.stderr);
    let output = run(folder.path(), &["bench", "--url", "http://127.0.0.1:8000"]);
    assert_eq!(output.code, Some(2), "somebody must connect: {}", output.stderr);
}

#[test]
fn a_limit_that_is_reached_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let limits = "[limits]\nconnections_per_address = 4\n[types.private]\nlimit = \"3/min\"\n";
    fs::write(folder.path().join("tidings.toml"), limits).unwrap();
    let server = Server::start(folder.path(), &["--dev"]);
    let output = bench(folder.path(), &server, &["--dev", "--connections", "5"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stderr.contains("limits.connections_per_address") && output.stderr.contains("--connections"),
        "{}",
        output.stderr
    );
    // Its places are free again when the server has read the ends of those connections.
    let more = ["--dev", "--kept", "--rate", "none", "--scenario", "private1"];
    let output = run_when_there_is_room(|| bench(folder.path(), &server, &more));
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("limited") && output.stderr.contains("[types.private] limit"), "{}", output.stderr);
    assert!(output.stdout.contains("connect"), "what was measured before is told: {}", output.stdout);
}

fn run_when_there_is_room(run: impl Fn() -> Output) -> Output {
    let began = Instant::now();
    loop {
        let output = run();
        if !output.stderr.contains("connections_per_address") || began.elapsed() > PATIENCE {
            return output;
        }
    }
}

#[test]
fn a_group_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(folder.path());
    let server = Server::start(folder.path(), &[]);
    let ask = |method, path| request(server.address, method, path, Some(&key), None);
    assert_eq!(ask("PUT", "/v1/groups/9000000000/members/9000000001").status, 204);
    let more = ["--data", "data", "--kept", "--key", &key, "--scenario", "group"];
    let output = bench(folder.path(), &server, &more);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("has members already"), "{}", output.stderr);
    assert_eq!(ask("GET", "/v1/groups/9000000000/members").body["members"], json!([9_000_000_001_u64]));
    assert_eq!(messages(folder.path()), 0);
}

#[test]
fn numbers_that_belong_to_somebody_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev"]);
    let message = json!({"type": "private", "to": 4, "content": "hi"});
    assert_eq!(request(server.address, "POST", "/v1/messages?user=7", None, Some(&message)).status, 201);
    let output = bench(folder.path(), &server, &["--dev", "--kept", "--users-from", "7"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("user 7 has the conversation dm:4:7"), "{}", output.stderr);
    assert_eq!(messages(folder.path()), 1);
    // What an earlier run left is no obstacle to the next.
    for _ in 0..2 {
        let again = bench(folder.path(), &server, &["--dev", "--kept", "--scenario", "private1"]);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
    }
}

#[test]
fn a_server_that_dies_ends_the_run_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev", "--store", "none"]);
    let running = Running::start(folder.path(), &server);
    server.signal(Signal::KILL);
    let output = running.wait();
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("the server has ended"), "{}", output.stderr);
    assert!(output.stdout.contains("connect"), "what was measured before is told: {}", output.stdout);
}

#[test]
fn an_interrupt_ends_the_run_and_tells_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev", "--store", "none"]);
    let running = Running::start(folder.path(), &server);
    running.signal(Signal::INT);
    let output = running.wait();
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("stopped during private1"), "{}", output.stderr);
    assert!(output.stdout.contains("connect") && output.stdout.contains("private1"), "{}", output.stdout);
}

/// A run that would last for an hour, in the middle of its private messages.
struct Running {
    child: Child,
}

impl Running {
    /// For a server that keeps nothing and believes `?user=`.
    fn start(folder: &Path, server: &Server) -> Self {
        let mut beside = Client::dev(server.address, 902);
        let url = format!("http://{}", server.address);
        let who = ["--dev", "--users-from", "901", "--connections", "4"];
        let what = ["bench", "--url", &url, "--scenario", "private1", "--seconds", "3600"];
        let child = command(folder, &[&what[..], &who].concat()).spawn().unwrap();
        // Another connection of a test user hears what they write.
        assert_eq!(beside.hear()["type"], "private");
        Self { child }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(mut self) -> Output {
        let mut stderr = String::new();
        // The end of standard error is the end of the process.
        for line in BufReader::new(self.child.stderr.take().unwrap()).lines() {
            stderr += &(line.unwrap() + "\n");
        }
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        Output { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}
