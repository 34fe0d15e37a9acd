//! `watch` and `unwatch`: what is answered, what is refused, and what is heard of topics.

use serde_json::{Value, json};
use tidings_engine::ports::OpenTopics;
use tidings_testkit::{
    Client, World,
    golden::{Dialect, Golden},
};
use tidings_wire::{Audience, Code, Topic};

use crate::messages::{Shout, private, user, world};

/// A connection of `tidings.v1` that was welcomed.
pub(crate) fn arrives(world: &World, id: u32) -> Client {
    let client = world.v1(user(id), &json!({"type": "hello"}));
    welcomed(client)
}

pub(crate) fn welcomed(client: Client) -> Client {
    assert_eq!(client.expects_json()["type"], "welcome");
    assert_eq!(client.expects_json()["type"], "resumed");
    client
}

pub(crate) fn asks(client: &Client, frame: Value) {
    client.sends_text(&frame.to_string());
}

/// Watches users, and reads how each of them stands: `None` is online.
pub(crate) fn watches(client: &Client, users: &[u32]) -> Vec<(u32, Option<Value>)> {
    let watch = json!({"type": "watch", "ref": 1, "users": users});
    Golden::built_in().said(Dialect::V1, &watch.to_string());
    asks(client, watch);
    expects_ack(client, 1);
    users.iter().map(|_| expects_presence(client)).collect()
}

/// The next frame, which must be presence: of whom, and none for online, else `last_seen`.
#[track_caller]
pub(crate) fn expects_presence(client: &Client) -> (u32, Option<Value>) {
    let frame = client.expects_json();
    presence_in(&frame)
}

#[track_caller]
pub(crate) fn presence_in(frame: &Value) -> (u32, Option<Value>) {
    assert_eq!(frame["type"], "presence", "{frame}");
    Golden::built_in().heard(Dialect::V1, &frame.to_string());
    let online = frame["online"].as_bool().expect("whether somebody is online");
    assert!(!online || frame.get("last_seen").is_none(), "{frame}");
    (frame["user"].as_u64().expect("an integer") as u32, (!online).then(|| frame["last_seen"].clone()))
}

#[track_caller]
pub(crate) fn expects_ack(client: &Client, reference: i64) {
    let frame = client.expects_json();
    assert_eq!((&frame["type"], &frame["ref"]), (&json!("ack"), &json!(reference)), "{frame}");
}

#[track_caller]
fn refused(client: &Client, frame: Value, code: Code) -> String {
    asks(client, frame);
    client.expects_error(code).message
}

#[test]
fn a_watch_is_acknowledged_where_it_asks_for_it_and_then_answered() {
    let world = world().start();
    let ann = arrives(&world, 1);
    let _bob = arrives(&world, 2);
    assert_eq!(watches(&ann, &[2, 3]), [(2, None), (3, Some(Value::Null))]);
    asks(&ann, json!({"type": "watch", "users": [2]}));
    assert_eq!(expects_presence(&ann), (2, None), "each watch is answered, one without ref by presence alone");
    asks(&ann, json!({"type": "unwatch", "users": [2, 9], "topics": ["a"]}));
    ann.expects_nothing();
    asks(&ann, json!({"type": "unwatch", "ref": 3, "users": [3]}));
    expects_ack(&ann, 3);
    ann.expects_nothing();
}

#[test]
fn a_connection_watches_at_most_500_users_and_topics_together() {
    let world = world().start();
    let ann = arrives(&world, 1);
    let topics: Vec<String> = (0..200).map(|topic| format!("t:{topic}")).collect();
    let users = |range: std::ops::Range<u32>| range.collect::<Vec<_>>();
    asks(&ann, json!({"type": "watch", "ref": 1, "users": users(100..400), "topics": topics}));
    expects_ack(&ann, 1);
    assert_eq!(ann.texts().len(), 300);
    let told = refused(&ann, json!({"type": "watch", "users": [100, 900], "topics": ["more"]}), Code::TooLarge);
    assert!(told.contains("500"), "{told}");
    let _ = arrives(&world, 900);
    world.backend().send_to(Audience::topic("more".parse().unwrap()), &Shout::default()).unwrap();
    ann.expects_nothing();
    assert_eq!(watches(&ann, &[100]), [(100, Some(Value::Null))], "what is watched already counts once");
    asks(&ann, json!({"type": "watch", "ref": 2, "users": [101, 101], "topics": [topics[0], topics[0]]}));
    expects_ack(&ann, 2);
    assert_eq!(ann.texts().len(), 1);
    asks(&ann, json!({"type": "unwatch", "users": [100], "topics": [topics[0]]}));
    assert_eq!(watches(&ann, &[900, 901]), [(900, None), (901, Some(Value::Null))]);
}

#[test]
fn an_open_topic_is_heard_until_it_is_unwatched_or_the_connection_ends() {
    let world = world().shards(2).topics(std::sync::Arc::new(OpenTopics::new(["score:*", "news"]))).start();
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    let topic = |name: &str| -> Topic { name.parse().unwrap() };
    let publishes = |name| world.backend().send_to(Audience::topic(topic(name)), &Shout::default()).unwrap();
    for client in [&ann, &bob] {
        asks(client, json!({"type": "watch", "ref": 4, "topics": ["score:4", "news"]}));
        expects_ack(client, 4);
    }
    publishes("score:4");
    publishes("score:5");
    [&ann, &bob].into_iter().for_each(|client| assert_eq!(client.texts().len(), 1));
    asks(&ann, json!({"type": "unwatch", "topics": ["score:4"]}));
    publishes("score:4");
    assert_eq!((ann.texts().len(), bob.texts().len()), (0, 1));
    bob.disconnects();
    publishes("news");
    assert_eq!(ann.texts().len(), 1);
}

#[test]
fn a_topic_that_is_not_open_refuses_the_whole_watch_and_names_the_setting() {
    let world = world().topics(std::sync::Arc::new(OpenTopics::new(["score:*"]))).start();
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    let told = refused(
        &ann,
        json!({"type": "watch", "ref": 1, "users": [2], "topics": ["score:4", "secret"]}),
        Code::NotAllowed,
    );
    assert!(told.contains("topics.open") && told.contains("secret"), "{told}");
    bob.disconnects();
    world.advance(std::time::Duration::from_secs(12));
    world.backend().send_to(Audience::topic("score:4".parse().unwrap()), &Shout::default()).unwrap();
    ann.expects_nothing();
    refused(&ann, json!({"type": "watch", "topics": ["no topic"]}), Code::BadField);
}

#[test]
fn what_a_connection_sends_behind_a_watch_waits_for_its_answer() {
    let world = world().start();
    let ann = arrives(&world, 1);
    world.holding(|| {
        asks(&ann, json!({"type": "watch", "ref": 1, "users": [2]}));
        asks(&ann, json!({"type": "ping", "ref": 2}));
        ann.send(&private(user(2), "hi"));
    });
    expects_ack(&ann, 1);
    let types: Vec<Value> =
        ann.texts().iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["type"].clone()).collect();
    assert_eq!(types.len(), 3, "{types:?}");
    assert!(types.contains(&json!("pong")) && types.contains(&json!("presence")) && types.contains(&json!("ack")));
}

#[test]
fn a_watcher_whose_answer_did_not_fit_leaves_nothing_behind() {
    // With some of these lengths before it, the answer is what no longer fits.
    for length in (0..1_000).step_by(20) {
        let world = world().settings(|settings| settings.outbox_bytes = 1_024).socket_bytes(64).start();
        let bob = arrives(&world, 2);
        let ann = arrives(&world, 1);
        let [eve] = world.clients([3]);
        ann.stops_reading();
        eve.send(&crate::messages::poke(user(1)));
        world.holding(|| {
            asks(&ann, json!({"type": "watch", "ref": 1_000_000_000_000_000_i64, "users": [2]}));
            eve.send(&crate::messages::Poke { to: user(1), note: "x".repeat(length) });
        });
        ann.disconnects();
        world.advance(std::time::Duration::from_secs(15));
        bob.disconnects();
        world.advance(std::time::Duration::from_secs(15));
        assert_eq!(world.connections_on(0), 1, "{length}: the shard lives, and has forgotten both");
    }
}
