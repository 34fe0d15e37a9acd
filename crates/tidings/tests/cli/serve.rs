//! A server's life: its folder, its messages, its end.

use rustix::process::Signal;
use serde_json::json;

use crate::{
    client::Client,
    http::request,
    support::process::{Server, run},
};

#[test]
fn a_second_server_on_the_same_folder_is_told_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"]] {
        let second = run(folder.path(), arguments);
        assert_eq!(second.code, Some(1), "{}", second.stderr);
        let holder = format!("process {}, listening on {}", server.pid(), server.address);
        assert!(second.stderr.contains(&holder), "{}", second.stderr);
    }
}

#[test]
fn a_killed_server_leaves_no_obstacle_and_its_messages() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev"]);
    let mut bob = Client::dev(server.address, 2);
    Client::dev(server.address, 1).say(json!({"type": "private", "to": 2, "content": "hi"}));
    assert_eq!(bob.hear()["seq"], 1);
    server.signal(Signal::KILL);
    server.wait();
    let again = Server::start(folder.path(), &["--dev"]);
    let page = request(again.address, "GET", "/v1/conversations/dm:1:2/messages?user=2", None, None);
    assert_eq!((page.status, &page.body["messages"][0]["content"]), (200, &json!("hi")), "{}", page.body);
}

#[test]
fn each_signal_that_ends_closes_with_1012_and_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.toml"), "[server]\ndrain_spread = \"50ms\"\n").unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let server = Server::start(folder.path(), &["--dev"]);
        let clients = [1, 2, 3].map(|user| Client::dev(server.address, user));
        server.signal(signal);
        for client in clients {
            assert_eq!(client.close_code(), 1012);
        }
        let (code, said) = server.wait();
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.toml"), "[server]\ndrain_spread = \"10m\"\ndrain_limit = \"11m\"\n")
        .unwrap();
    let server = Server::start(folder.path(), &["--dev"]);
    let _clients = [1, 2, 3].map(|user| Client::dev(server.address, user));
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    let (code, said) = server.wait();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("a second signal"), "{said}");
}

#[test]
fn a_newer_database_is_refused_with_2_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["migrate"]).code, Some(0));
    let file = folder.path().join("data/tidings.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    let newer = "INSERT INTO tidings_migrations (version, name, applied_on, checksum) VALUES (999, 'later', '', '0')";
    database.execute(newer, []).unwrap();
    drop(database);
    let before = std::fs::read(&file).unwrap();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["keys", "list"]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains("written by a newer version"), "{}", output.stderr);
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn a_second_migration_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["migrate"]).code, Some(0));
    let file = folder.path().join("data/tidings.db");
    let before = std::fs::read(&file).unwrap();
    assert_eq!(run(folder.path(), &["migrate"]).code, Some(0));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn without_a_store_messages_flow_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev", "--store", "none"]);
    let mut bob = Client::dev(server.address, 2);
    Client::dev(server.address, 1).say(json!({"type": "private", "to": 2, "content": "hi"}));
    let heard = bob.hear();
    assert_eq!((&heard["content"], heard.get("seq")), (&json!("hi"), None), "{heard}");
    let page = request(server.address, "GET", "/v1/conversations/dm:1:2/messages?user=2", None, None);
    assert_eq!((page.status, &page.body["code"]), (501, &json!("not_enabled")), "{}", page.body);
    assert!(!folder.path().join("data/tidings.db").exists());
    assert!(server.banner.contains("nothing is kept"), "{}", server.banner);
}

#[test]
fn only_dev_believes_the_query_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(request(server.address, "GET", "/v1/conversations?user=2", None, None).status, 401);
    assert!(!server.banner.contains("--dev"), "{}", server.banner);
    drop(server);
    let server = Server::start(folder.path(), &["--dev"]);
    assert_eq!(request(server.address, "GET", "/v1/conversations?user=2", None, None).status, 200);
    assert!(server.banner.contains("--dev: anybody is believed to be anybody"), "{}", server.banner);
}

#[test]
fn users_broadcast_with_dev_alone() {
    let folder = tempfile::tempdir().unwrap();
    let broadcast = json!({"type": "broadcast", "content": "hi"});
    let server = Server::start(folder.path(), &["--dev"]);
    let mut ann = Client::dev(server.address, 1);
    ann.say(broadcast.clone());
    assert_eq!(ann.hear()["type"], "broadcast");
    drop(server);
    let server = Server::start(folder.path(), &[]);
    let token = run(folder.path(), &["token", "new", "--user", "1"]).stdout;
    let mut ann = Client::with_token(server.address, token.trim()).ok().unwrap();
    ann.say(broadcast);
    let refused = ann.hear();
    assert_eq!(refused["code"], "not_allowed");
    assert!(refused["message"].as_str().unwrap().contains("[types.broadcast]"), "{refused}");
}

#[test]
fn a_health_check_asks_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let url = format!("http://{}", server.address);
    assert_eq!(run(folder.path(), &["healthcheck", "--url", &url]).code, Some(0));
    drop(server);
    let refused = run(folder.path(), &["healthcheck", "--url", &url]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("no answer from"), "{}", refused.stderr);
    assert_eq!(run(folder.path(), &["healthcheck", "--url", "https://tidings.example"]).code, Some(2));
}

#[test]
#[cfg(target_os = "linux")]
fn the_limit_of_open_files_is_raised() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("sh");
    let line = "ulimit -S -n 256 && exec \"$0\" serve --listen 127.0.0.1:0";
    shell.args(["-c", line, env!("CARGO_BIN_EXE_tidings")]).current_dir(folder.path());
    for set in [std::process::Command::stdin, std::process::Command::stdout, std::process::Command::stderr] {
        set(&mut shell, std::process::Stdio::piped());
    }
    let server = Server::spawn(&mut shell);
    assert!(server.banner.contains(r#""message":"open files (RLIMIT_NOFILE)""#), "{}", server.banner);
    assert!(server.banner.contains(r#""before":"256""#), "{}", server.banner);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [.., soft, hard, _unit] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
    assert_eq!(soft, hard);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(one.path(), &[]);
    let address = server.address.to_string();
    let second = run(two.path(), &["serve", "--listen", &address]);
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains(&format!("listen on {address}")), "{}", second.stderr);
}
