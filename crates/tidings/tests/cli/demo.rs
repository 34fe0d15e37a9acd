//! `tidings demo`

use std::io::BufRead;

use rustix::process::Signal;
use serde_json::json;

use crate::{
    client::Client,
    support::process::{Server, command, run},
};

#[test]
fn the_transcript_of_a_demo_tells_every_delivery_and_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["demo", "--once", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let told = output.stdout;
    for (said, heard_by) in [
        ("Ann's phone to Bob, private", &["Bob", "Ann's laptop"][..]),
        ("Bob to Ann, private", &["Ann's phone", "Ann's laptop"]),
        ("Cleo to group 5, group", &["Ann's phone", "Ann's laptop", "Bob"]),
        ("Dan on Ann's post, post_action: \"like\"", &["Ann's phone", "Ann's laptop", "Bob"]),
        ("Cleo on Ann's post, post_action: \"Break a leg!\"", &["Ann's phone", "Ann's laptop", "Bob"]),
        ("Dan to everyone, broadcast", &["Ann's phone", "Ann's laptop", "Bob", "Cleo", "Dan"]),
    ] {
        let part = told.split("\n\n").find(|part| part.starts_with(said)).unwrap_or_else(|| panic!("{said}: {told}"));
        let lines: Vec<_> = part.lines().filter(|line| line.contains(" µs ")).collect();
        assert_eq!(lines.len(), heard_by.len(), "{part}");
        for name in heard_by {
            assert!(lines.iter().any(|line| line.trim_start().starts_with(name)), "{name}: {part}");
        }
    }
    assert!(told.contains("refused: not_a_member") && told.contains("kept as dm:1:2 number 1"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "its data is gone");
}

#[test]
fn a_visitor_of_a_demo_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Server::spawn(&mut command(folder.path(), &["demo", "--listen", "127.0.0.1:0", "--data", "kept"]));
    let invitation = demo.stdout().lines().map(Result::unwrap).find(|line| line.contains("new WebSocket("));
    assert!(invitation.unwrap().contains(&format!("ws://{}/ws?user=7", demo.address)));
    let mut visitor = Client::dev(demo.address, 7);
    visitor.say(json!({"type": "private", "to": 1, "content": "Hello"}));
    let answer = visitor.hear();
    assert_eq!((&answer["from"], &answer["content"]), (&json!(1), &json!("Ann here. You said: Hello")));
    demo.signal(Signal::INT);
    assert_eq!(visitor.close_code(), 1012);
    assert_eq!(demo.wait().0, Some(0));
    assert!(folder.path().join("kept/tidings.db").exists());
}
