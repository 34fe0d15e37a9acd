//! Readers that stop reading cost a bounded amount of memory, and cost the others nothing.

use std::{cell::RefCell, fs};

use serde_json::json;

use crate::{
    support::process::Server,
    world::{Api, As, Client, Crowd, Heard, Plan},
};

const SLEEPERS: usize = 1_000;
const HEALTHY: usize = 10;
const BROADCASTS: usize = 10_000;
/// Of each broadcast's text.
const BYTES: usize = 1_000;
/// Broadcasts under way: less than what makes a reader a slow one.
const WINDOW: usize = 64;

/// How a reader fared: how many broadcasts it heard, all in order, and how it was closed.
#[derive(Clone, Debug, Default, PartialEq)]
struct Reader {
    heard: usize,
    code: Option<u16>,
    gone: bool,
}

#[test]
fn a_thousand_readers_that_stop_are_closed_and_the_others_get_every_broadcast() {
    // So that a close frame waits for whoever wakes late.
    let plan = Plan::dev().unlimited().set("ENGINE__PONG_WITHIN", "10m").set("ENGINE__EVERYONE_LOG_BYTES", LOG_BYTES);
    let server = plan.start();
    let mut crowd = Crowd::new();
    let sender = crowd.join(server.address, "1");
    for _ in 1..HEALTHY {
        crowd.join(server.address, "2");
    }
    for _ in 0..SLEEPERS {
        crowd.join_asleep(server.address, "3");
    }
    let before = memory(&server, "VmRSS");
    let readers = RefCell::new(vec![Reader::default(); crowd.len()]);
    let hear = |member: usize, heard: Heard<'_>| readers.borrow_mut()[member].hear(&heard);
    let mut sent = 0;
    let progress = |sent: &mut usize, crowd: &mut Crowd| {
        let slowest = readers.borrow()[..HEALTHY].iter().map(|reader| reader.heard).min().unwrap();
        while *sent < BROADCASTS.min(slowest + WINDOW) {
            let text = format!("{{\"type\":\"broadcast\",\"content\":\"{sent:05}{}\"}}", "x".repeat(BYTES));
            crowd.say(sender, text.as_bytes());
            *sent += 1;
        }
        slowest == BROADCASTS
    };
    let shown = || format!("the healthy: {:?}", &readers.borrow()[..HEALTHY]);
    crowd.turn_until(|crowd| progress(&mut sent, crowd), hear, shown);
    // The log, what of a frame each was sent in part, and what the allocator and the client's own connections need.
    let bound = LOG_BYTES + SLEEPERS * 2 * (BYTES + 200) + 24 * 1024 * 1024;
    let peak = memory(&server, "VmHWM");
    assert!(peak < before + bound, "from {before} to {peak} bytes, {bound} are allowed");
    let healthy = Reader { heard: BROADCASTS, code: None, gone: false };
    assert_eq!(readers.borrow()[..HEALTHY], vec![healthy; HEALTHY]);
    crowd.wake();
    let shown = || format!("{:?}", readers.borrow().iter().skip(HEALTHY).find(|reader| !reader.gone));
    crowd.turn_until(|crowd| crowd.open() == HEALTHY, hear, shown);
    for reader in readers.borrow().iter().skip(HEALTHY) {
        assert_eq!((reader.code, reader.heard < BROADCASTS), (Some(4409), true), "{reader:?}");
    }
}

/// What the shard keeps of broadcasts for those who lag.
const LOG_BYTES: usize = 4 * 1024 * 1024;

impl Reader {
    fn hear(&mut self, heard: &Heard<'_>) {
        match heard {
            Heard::Text(text) => {
                let number = text.windows(10).position(|bytes| bytes == b"\"content\":").unwrap() + 11;
                let number = std::str::from_utf8(&text[number..number + 5]).unwrap();
                assert_eq!(number, format!("{:05}", self.heard), "broadcasts come in order, without a gap");
                self.heard += 1;
            }
            Heard::Close(code) => self.code = Some(*code),
            Heard::Gone => self.gone = true,
        }
    }
}

#[test]
fn what_a_slow_reader_missed_of_kept_messages_is_in_the_history() {
    const MESSAGES: usize = 200;
    let plan = Plan::dev().unlimited().set("ENGINE__PONG_WITHIN", "10m");
    let server = plan.start();
    let mut crowd = Crowd::new();
    crowd.join_asleep(server.address, "2");
    let (mut ann, mut phone) = (Client::dev(&server, "7"), Client::dev(&server, "7"));
    for number in 0..MESSAGES {
        ann.say(&json!({"type": "private", "to": 2, "content": format!("{number:05}{}", "x".repeat(60_000))}));
        assert_eq!(phone.hear()["seq"], number + 1, "the sender's other connection hears all");
    }
    crowd.wake();
    let reader = RefCell::new(Reader::default());
    let shown = || format!("{:?}", reader.borrow());
    crowd.turn_until(|crowd| crowd.open() == 0, |_, heard| reader.borrow_mut().hear(&heard), shown);
    let Reader { heard, code, .. } = *reader.borrow();
    assert_eq!((code, heard < MESSAGES), (Some(4409), true), "{heard} were heard");
    let history = Api::of(&server, As::Dev("2")).history("dm:2:7").unwrap();
    assert_eq!(history.len(), MESSAGES);
    assert!(
        history
            .iter()
            .enumerate()
            .all(|(at, message)| message["content"].as_str().unwrap().starts_with(&format!("{at:05}")))
    );
}

/// A figure of `/proc/<pid>/status` in bytes: `VmRSS` is what the process holds now, `VmHWM` the most it ever held.
fn memory(server: &Server, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    1024 * line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<usize>().unwrap()
}
