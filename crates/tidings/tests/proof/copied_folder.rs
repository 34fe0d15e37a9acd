//! A data folder that was copied by hand and put back: nothing marks it, so the clients' heads tell.

use std::{fs, path::Path};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    support::process::Server,
    world::{Api, As, Client, Plan},
};

#[test]
fn who_holds_more_than_a_folder_that_was_put_back_is_told_to_drop_it() {
    for end in [Signal::TERM, Signal::KILL] {
        let plan = Plan::dev().unlimited();
        let at = |name: &str| plan.folder().join(name);
        let server = plan.start();
        send(&server, "7", json!({"type": "private", "to": 2, "content": "copied"}), &[1, 2, 3]);
        send(&server, "3", json!({"type": "private", "to": 2, "content": "copied"}), &[1, 2]);
        Api::of(&server, As::Dev("7")).join("5", &["7"]);
        send(&server, "7", json!({"type": "group", "group_id": 5, "content": "before 2 came"}), &[1, 2]);
        Api::of(&server, As::Dev("7")).join("5", &["2"]);
        send(&server, "7", json!({"type": "group", "group_id": 5, "content": "copied"}), &[3, 4]);
        stop(server, end);
        copy(&at("data"), &at("copy"));

        let server = plan.start();
        send(&server, "7", json!({"type": "private", "to": 2, "content": "lost"}), &[4, 5]);
        send(&server, "7", json!({"type": "group", "group_id": 5, "content": "lost"}), &[5]);
        send(&server, "9", json!({"type": "private", "to": 2, "content": "lost whole"}), &[1]);
        let (_bob, welcome, _) = greeted(&server, json!({"type": "hello"}));
        assert_eq!(welcome["conversations"].as_array().unwrap().len(), 4, "{welcome}");
        stop(server, end);
        fs::remove_dir_all(at("data")).unwrap();
        copy(&at("copy"), &at("data"));

        let server = plan.start();
        // Of 3 it holds less than there is, of all others more.
        let heads = json!({"dm:2:7": 5, "group:5": 5, "dm:2:9": 1, "dm:2:3": 1});
        let hello = json!({"type": "hello", "epoch": welcome["epoch"], "heads": heads});
        let (mut bob, _, mut told) = greeted(&server, hello);
        assert_eq!(told.pop().unwrap()["behind"], json!([]));
        let replayed = told.pop().unwrap();
        let place = (&replayed["conversation"], &replayed["seq"], &replayed["replayed"]);
        assert_eq!(place, (&json!("dm:2:3"), &json!(2), &json!(true)), "{replayed}");
        told.sort_by_key(|frame| frame["conversation"].to_string());
        let reset = |conversation: &str, oldest: u64, head: u64| json!({"type": "reset", "conversation": conversation, "reason": "epoch", "oldest": oldest, "head": head});
        assert_eq!(told, [reset("dm:2:7", 1, 3), reset("dm:2:9", 0, 0), reset("group:5", 3, 4)]);

        // The seqs that were lost are given again, to other messages, and heard as any.
        send(&server, "7", json!({"type": "private", "to": 2, "content": "another 4"}), &[4]);
        let live = bob.hear();
        assert_eq!((&live["seq"], &live["content"]), (&json!(4), &json!("another 4")));
        drop(bob);
        server.signal(Signal::TERM);
        let said = server.wait().1;
        let warnings: Vec<&str> = said.lines().filter(|line| line.contains("an old copy of the database")).collect();
        assert_eq!(warnings.len(), 1, "one line a client: {said}");
        assert!(warnings[0].contains("\"streams\":3"), "{said}");
    }
}

/// Sends a message over and over, which takes these seqs.
fn send(server: &Server, from: &str, message: Value, seqs: &[u64]) {
    for seq in seqs {
        let sent = Api::of(server, As::Dev(from)).send(&message);
        assert_eq!((sent.status, &sent.body["seq"]), (201, &json!(seq)), "{}", sent.body);
    }
}

/// User 2 in `tidings.v1`: the `welcome`, and all up to `resumed`.
fn greeted(server: &Server, hello: Value) -> (Client, Value, Vec<Value>) {
    let mut client = Client::v1(server, "2");
    client.say(&hello);
    let welcome = client.hear();
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    let mut told = Vec::new();
    while told.last().is_none_or(|frame: &Value| frame["type"] != "resumed") {
        told.push(client.hear());
    }
    (client, welcome, told)
}

fn stop(server: Server, signal: Signal) {
    server.signal(signal);
    server.wait();
}

/// `cp -r` of a folder that holds files only.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
