//! When users were last seen, across the life of a server.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    on_one_and_two_shards,
    world::{Client, Plan},
};

/// The next presence frame of the user.
fn presence_of(client: &mut Client, user: u32) -> Value {
    loop {
        let heard = client.hear();
        if heard["type"] == "presence" && heard["user"] == user {
            return heard;
        }
    }
}

fn seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

on_one_and_two_shards! {
    fn who_left_and_who_was_there_at_a_stop_were_last_seen_then(shards: u16) {
        let plan = Plan::dev().shards(shards).set("ENGINE__OFFLINE_AFTER", "2s").set("SERVER__DRAIN_SPREAD", "0s");
        let server = plan.start();
        let mut ann = Client::v1(&server, "1");
        let bob = Client::dev(&server, "2");
        let _eve = Client::dev(&server, "3");
        ann.say(&json!({"type": "hello"}));
        ann.say(&json!({"type": "watch", "users": [2, 3, 4]}));
        assert_eq!(presence_of(&mut ann, 2)["online"], true);
        let began = seconds();
        bob.vanish();
        let left = presence_of(&mut ann, 2);
        assert_eq!(left["online"], false, "{left}");
        server.signal(Signal::TERM);
        let (code, said) = server.wait();
        assert_eq!(code, Some(0), "{said}");
        let server = plan.start();
        let mut ann = Client::v1(&server, "1");
        ann.say(&json!({"type": "hello"}));
        ann.say(&json!({"type": "watch", "users": [2, 3, 4]}));
        let again = presence_of(&mut ann, 2);
        assert_eq!((&again["online"], &again["last_seen"]), (&json!(false), &left["last_seen"]));
        let eve = presence_of(&mut ann, 3);
        assert!((began..=seconds()).contains(&eve["last_seen"].as_i64().unwrap()), "{eve}");
        assert_eq!(presence_of(&mut ann, 4).get("last_seen"), None, "who was never there");
    }
}
