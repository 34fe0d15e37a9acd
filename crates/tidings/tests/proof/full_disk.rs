//! A disk without room: what is to be kept is refused, all else goes on, and nothing that was kept is lost.

use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    small_disk::SmallDisk,
    support::process::{PATIENCE, Server},
    world::{Api, As, Client, Plan},
};

/// More than what may be left in the last page of a full disk.
const LONG: usize = 16_384;

fn api(server: &Server) -> Api<'_> {
    Api::of(server, As::Dev("7"))
}

fn long(to: u64) -> Value {
    json!({"type": "private", "to": to, "content": "x".repeat(LONG)})
}

/// Checks that what is kept is refused, over both ways in, and that reads, connects and unkept messages go on.
fn only_keeping_stops(server: &Server, ann: &mut Client, bob: &mut Client, history: &[Value]) {
    let key = format!("new-{}", history.len());
    let refused = ann.refused(&long(2).to_string());
    assert_eq!(refused["code"], "unavailable", "{refused}");
    assert!(refused["retry_after_ms"].as_u64() > Some(0), "{refused}");
    let answer = api(server).send_once(&key, &long(2));
    assert_eq!((answer.status, &answer.body["code"]), (503, &json!("unavailable")), "{}", answer.body);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    let ready = api(server).get("/readyz");
    assert!(
        ready.body["store"].as_str().is_some_and(|wrong| wrong.contains("full")),
        "{} {}",
        ready.status,
        ready.body
    );
    assert_eq!(api(server).get("/healthz").status, 200);
    let mut eve = Client::dev(server, "3");
    ann.say(&json!({"type": "broadcast", "content": "to all"}));
    for client in [&mut *ann, bob, &mut eve] {
        assert_eq!(client.hear()["content"], "to all", "and nothing came before");
    }
    assert_eq!(Api::of(server, As::Dev("2")).history("dm:2:7").unwrap(), history);
    let list = api(server).get("/v1/conversations").body;
    assert_eq!(list["conversations"][0]["head"], history.len(), "{list}");
}

/// Waits until the server says by itself that its store works.
fn until_store_works(server: &Server) {
    let begin = Instant::now();
    while api(server).get("/readyz").body["store"] != "ok" {
        assert!(begin.elapsed() < PATIENCE, "{}", api(server).get("/readyz").body);
    }
}

#[test]
fn on_a_full_disk_what_is_kept_is_refused_all_else_goes_on_and_room_heals_it() {
    let name = "full_disk::on_a_full_disk_what_is_kept_is_refused_all_else_goes_on_and_room_heals_it";
    let Some(disk) = SmallDisk::of_test(name, 4 << 20) else { return };
    let plan = Plan::dev().unlimited();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let say = |ann: &mut Client, bob: &mut Client, history: &mut Vec<Value>| {
        ann.say(&long(2));
        history.push(bob.hear());
        assert_eq!(history.last().unwrap()["seq"], history.len(), "what was refused took no place");
    };
    let mut history = Vec::new();
    for _ in 0..5 {
        say(&mut ann, &mut bob, &mut history);
    }

    disk.fill();
    for _ in 0..3 {
        only_keeping_stops(&server, &mut ann, &mut bob, &history);
    }
    disk.free();
    until_store_works(&server);
    say(&mut ann, &mut bob, &mut history);
    let sent = api(&server).send_once("new-5", &long(2));
    assert_eq!((sent.status, &sent.body["seq"]), (201, &json!(7)), "the refused key was not used up: {}", sent.body);
    history.push(bob.hear());
    assert_eq!(ann.hear(), history[6]);

    disk.fill();
    let again = api(&server).send_once("new-5", &long(2));
    assert_eq!((again.status, &again.body["duplicate"]), (201, &json!(true)), "what is kept is known: {}", again.body);
    only_keeping_stops(&server, &mut ann, &mut bob, &history);
    server.signal(Signal::KILL);
    server.wait();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    only_keeping_stops(&server, &mut ann, &mut bob, &history);
    disk.free();
    until_store_works(&server);
    say(&mut ann, &mut bob, &mut history);
    assert_eq!(Api::of(&server, As::Dev("2")).history("dm:2:7").unwrap(), history);
}
