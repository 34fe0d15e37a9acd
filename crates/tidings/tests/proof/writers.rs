//! Many who write into one conversation at once: all of them, who are its readers too, see every seq, in order.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::json;

use crate::{
    is_thorough, on_one_and_two_shards,
    world::{Api, As, Crowd, Heard, Plan},
};

const WRITERS: u64 = 64;

/// Messages of each writer that are not acknowledged.
const UNDER_WAY: u64 = 8;

/// Messages between two looks at the time: each so many are waited for anew.
const STEP: u64 = 10_000;

/// What a writer's connection has come to.
#[derive(Clone, Default)]
struct Writer {
    /// The last seq, of others' messages and of its own, whose acknowledgements stand in their place.
    head: u64,
    sent: u64,
    acknowledged: u64,
    resumed: bool,
}

#[derive(Deserialize)]
struct Frame<'a> {
    r#type: &'a str,
    seq: Option<u64>,
    #[serde(default)]
    r#ref: u64,
}

impl Writer {
    fn hears(&mut self, number: usize, heard: &Heard<'_>) {
        let Heard::Text(text) = heard else { panic!("writer {number} is closed at seq {}", self.head) };
        let shown = String::from_utf8_lossy(text);
        let frame: Frame<'_> = serde_json::from_slice(text).unwrap();
        match frame.r#type {
            "resumed" => self.resumed = true,
            "group" | "ack" => {
                assert_eq!(frame.seq, Some(self.head + 1), "writer {number} hears {shown}");
                self.head += 1;
                if frame.r#type == "ack" {
                    self.acknowledged += 1;
                    assert_eq!(frame.r#ref, self.acknowledged, "a writer's own messages keep their order: {shown}");
                }
            }
            "welcome" | "read" => {}
            _ => panic!("writer {number} hears {shown}"),
        }
    }

    fn has_more(&self, each: u64) -> bool {
        self.sent < each && self.sent - self.acknowledged < UNDER_WAY
    }
}

/// So many messages in all: 100,000 where there is time; unoptimised and beside other tests 20,000, which are 1.3 million
/// deliveries.
fn messages() -> u64 {
    let asked = if is_thorough() { 100_000 } else { 20_000 };
    asked / WRITERS * WRITERS
}

on_one_and_two_shards! {
    fn all_of_64_writers_see_every_message_of_one_conversation_in_order(shards: u16) {
        let (all, each) = (messages(), messages() / WRITERS);
        let plan = Plan::dev().unlimited().shards(shards);
        let server = plan.start();
        let users: Vec<String> = (1..=WRITERS).map(|user| user.to_string()).collect();
        let names: Vec<&str> = users.iter().map(String::as_str).collect();
        Api::of(&server, As::Dev("1")).join("5", &names);
        let mut crowd = Crowd::new();
        for user in &users {
            let member = crowd.join_v1(server.address, user);
            crowd.say(member, br#"{"type":"hello"}"#);
        }
        let writers = RefCell::new(vec![Writer::default(); WRITERS as usize]);
        for enough in (1..=all / STEP).map(|step| step * STEP).chain([all]) {
            crowd.turn_until(
                |crowd| {
                    let mut writers = writers.borrow_mut();
                    // Whoever is welcomed when others write already begins where the conversation stands by then.
                    if !writers.iter().all(|writer| writer.resumed) {
                        return false;
                    }
                    for (number, writer) in writers.iter_mut().enumerate() {
                        while writer.has_more(each) {
                            writer.sent += 1;
                            let (reference, key) = (writer.sent, format!("{number}-{}", writer.sent));
                            let message = json!({"type": "group", "group_id": 5, "content": key, "key": key, "ref": reference});
                            crowd.say(number, message.to_string().as_bytes());
                        }
                    }
                    writers.iter().all(|writer| writer.head >= enough)
                },
                |number, heard| writers.borrow_mut()[number].hears(number, &heard),
                || format!("heads: {:?}", writers.borrow().iter().map(|writer| writer.head).collect::<Vec<_>>()),
            );
        }
        for writer in &*writers.borrow() {
            assert_eq!((writer.head, writer.acknowledged), (all, each));
        }
    }
}
