//! Ends: whatever had reached a receiver is in the history afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::mpsc::{Sender, channel},
    thread,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    support::http::try_ask,
    world::{Api, As, Load, Plan, Streams},
};

#[test]
fn after_kill_9_everything_that_had_reached_a_receiver_is_in_the_history() {
    let plan = Plan::dev().unlimited().shards(2);
    let mut streams = Streams::default();
    for (name, enough) in [("first", 100), ("second", 5_000), ("third", 12_345)] {
        let server = plan.start();
        let mut load = Load::new(&server, name, 200, 1_000, &mut streams);
        load.run(16, enough);
        server.signal(Signal::KILL);
        assert_eq!(load.run_out(), BTreeMap::new(), "nobody is told");
        drop(load);
        assert_eq!(server.wait().0, None, "killed");
        let server = plan.start();
        streams.are_kept_by(&server);
    }
    assert!(streams.messages() >= 17_445, "{}", streams.messages());
}

#[test]
fn sigterm_under_load_closes_everybody_with_1012_and_loses_nothing() {
    for (name, spread) in [("at once", "0s"), ("spread", "500ms")] {
        let plan = Plan::dev().unlimited().set("SERVER__DRAIN_SPREAD", spread);
        let server = plan.start();
        let mut streams = Streams::default();
        let mut load = Load::new(&server, name, 200, 2_000, &mut streams);
        let all = load.connections();
        load.run(16, 2_000);
        server.signal(Signal::TERM);
        assert_eq!(load.run_out(), BTreeMap::from([(1012, all)]));
        drop(load);
        let (code, said) = server.wait();
        assert_eq!(code, Some(0), "{said}");
        let server = plan.start();
        streams.are_kept_by(&server);
    }
}

#[test]
fn after_kill_9_what_was_answered_is_kept_and_a_repeat_of_all_stores_each_once() {
    const SENDERS: u64 = 6;
    for enough in [1, 300] {
        let plan = Plan::dev().unlimited();
        let server = plan.start();
        let (answered, answers) = channel();
        let senders = (1..=SENDERS).map(|sender| {
            let (address, answered) = (server.address, answered.clone());
            thread::spawn(move || send_until_the_end(address, sender, &answered))
        });
        let senders: Vec<_> = senders.collect();
        drop(answered);
        let mut known: BTreeMap<(u64, u64), Value> = answers.iter().take(enough).collect();
        server.signal(Signal::KILL);
        server.wait();
        known.extend(answers);
        let tried: Vec<u64> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let server = plan.start();
        for (sender, tried) in (1..=SENDERS).zip(tried) {
            for number in 0..tried {
                let again = post(server.address, sender, number).unwrap();
                if let Some(first) = known.get(&(sender, number)) {
                    let same = ["id", "conversation", "seq"].iter().all(|name| again[name] == first[name]);
                    assert!(same && again["duplicate"] == true, "{first} was answered, then {again}");
                }
            }
            let history = Api::of(&server, As::Dev("100")).history(&format!("dm:{sender}:100")).unwrap();
            let contents: BTreeSet<String> = history.iter().map(|message| message["content"].to_string()).collect();
            assert_eq!(
                (contents.len() as u64, history.len() as u64),
                (tried, tried),
                "each is there, and once: {history:?}"
            );
        }
    }
}

/// Sends one message after another until the server is no more; gives how many it tried.
fn send_until_the_end(server: SocketAddr, sender: u64, answered: &Sender<((u64, u64), Value)>) -> u64 {
    for number in 0.. {
        match post(server, sender, number) {
            Some(answer) => answered.send(((sender, number), answer)).unwrap(),
            None => return number + 1,
        }
    }
    unreachable!("the server ends before the numbers do")
}

/// A message with a key; nothing where no answer came.
fn post(server: SocketAddr, sender: u64, number: u64) -> Option<Value> {
    let message = json!({"type": "private", "to": 100, "content": number.to_string()}).to_string();
    let key = [("Idempotency-Key", format!("{sender}-{number}"))];
    let (head, body) = try_ask(server, "POST", &format!("/v1/messages?user={sender}"), &key, &message).ok()?;
    assert!(head.starts_with("HTTP/1.1 201 "), "{head} {body}");
    serde_json::from_str(&body).ok()
}
