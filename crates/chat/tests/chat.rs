//! The guide's messages, as clients of the guide see them.

use serde_json::json;
use tidings_chat::{Broadcast, Event, Group, Private};
use tidings_server::TypeSettings;
use tidings_testkit::{World, WorldBuilder, world};
use tidings_wire::{Code, GroupId, Message, Senders, Topic, UserId};

fn chat() -> WorldBuilder {
    world().message::<Private>().message::<Group>().message::<Broadcast>().message::<Event>()
}

/// A message from the JSON that a client would write.
fn message<M: Message>(json: serde_json::Value) -> M {
    serde_json::from_value(json).expect("the test writes what the type reads")
}

fn private(to: u32) -> Private {
    message(json!({"to": to, "content": "hi"}))
}

fn group() -> Group {
    message(json!({"group_id": 5, "content": "hi"}))
}

/// A world in which users 1, 2 and 3 are the members of group 5.
fn with_members() -> World {
    let world = chat().start();
    (1..=3).for_each(|user| world.backend().set_member(GroupId::new(5), UserId::new(user), true));
    world
}

#[test]
fn a_private_message_reaches_every_connection_of_both_but_the_sending_one() {
    let world = chat().start();
    let [ann, ann_too, bob, bob_too, eve] = world.clients([1, 1, 2, 2, 3]);
    ann.send(&private(2));
    for client in [&ann_too, &bob, &bob_too] {
        let received = client.expects::<Private>();
        assert_eq!((received.from, received.seq), (Some(ann.user()), Some(1)));
        assert_eq!(received.conversation.map(|name| name.to_string()).as_deref(), Some("dm:1:2"));
    }
    ann.expects_nothing();
    eve.expects_nothing();
}

#[test]
fn free_json_arrives_byte_for_byte() {
    let world = chat().start();
    let [ann, bob] = world.clients([1, 2]);
    let data = r#"{"b":12345678901234567890123,"a":1.10}"#;
    ann.sends_text(&format!(r#"{{"type":"private","to":2,"content":"hi","data":{data}}}"#));
    let received = bob.expects_text();
    assert!(received.contains(data), "{received}");
}

#[test]
fn a_note_to_oneself_is_heard_on_ones_other_connections() {
    let world = chat().start();
    let [ann, ann_too] = world.clients([1, 1]);
    ann.send(&private(1));
    let note = ann_too.expects::<Private>();
    assert_eq!(note.conversation.map(|name| name.to_string()).as_deref(), Some("dm:1:1"));
    ann_too.expects_nothing();
    ann.expects_nothing();
}

#[test]
fn what_a_client_forges_is_overwritten_and_what_nobody_knows_is_dropped() {
    let world = chat().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_text(
        r#"{"type":"private","to":2,"content":"hi","from":9,"user_id":9,"id":"1","timestamp":1,"seq":99,
            "conversation":"dm:2:9","replayed":true,"mood":"sly"}"#,
    );
    let received = bob.expects::<Private>();
    assert_eq!((received.from, received.seq), (Some(ann.user()), Some(1)));
    let json = &received.json;
    assert_eq!((&json["user_id"], &json["conversation"]), (&json!(1), &json!("dm:1:2")));
    assert!(
        json["id"] != "1" && json["timestamp"] != 1 && json["replayed"].is_null() && json["mood"].is_null(),
        "{json}"
    );
}

#[test]
fn free_data_and_an_answer_go_along_and_too_much_data_is_refused() {
    let world = chat().start();
    let [ann, bob] = world.clients([1, 2]);
    let full: Private = message(json!({"to": 2, "content": "hi", "data": {"mood": "sunny"}, "reply_to": 41}));
    ann.send(&full);
    assert_eq!(bob.expects::<Private>().message, full);
    let heavy = json!({"type": "private", "to": 2, "content": "hi", "data": {"x": "y".repeat(8 * 1024)}});
    ann.sends_text(&heavy.to_string());
    assert_eq!(ann.expects_error(Code::BadField).field.as_deref(), Some("data"));
    bob.expects_nothing();
}

#[test]
fn a_group_message_reaches_every_member_but_the_sending_connection() {
    let world = with_members();
    let [ann, ann_too, bob, cy, eve] = world.clients([1, 1, 2, 3, 4]);
    ann.send(&group());
    for client in [&ann_too, &bob, &cy] {
        let received = client.expects::<Group>();
        assert_eq!((received.from, received.seq), (Some(ann.user()), Some(1)));
    }
    ann.expects_nothing();
    eve.expects_nothing();
}

#[test]
fn a_stranger_to_a_group_is_told_the_same_whether_it_exists() {
    let world = with_members();
    let [eve, bob] = world.clients([4, 2]);
    eve.send(&group());
    let exists = eve.expects_error(Code::NotAMember);
    eve.send(&message::<Group>(json!({"group_id": 6, "content": "hi"})));
    assert_eq!(eve.expects_error(Code::NotAMember), exists);
    bob.expects_nothing();
}

#[test]
fn a_broadcast_is_for_services_unless_the_configuration_opens_it() {
    let broadcast = || message::<Broadcast>(json!({"content": "hi"}));
    let closed = chat().start();
    let [ann, bob] = closed.clients([1, 2]);
    ann.send(&broadcast());
    assert!(ann.expects_error(Code::NotAllowed).message.contains("senders"), "names the setting");
    closed.backend().send(None, &broadcast()).expect("services may");
    assert_eq!(bob.expects::<Broadcast>().from, None);

    let users = TypeSettings { senders: Some(Senders::Users), ..TypeSettings::default() };
    let open = chat().configure("broadcast", users).start();
    let [ann, ann_too, bob] = open.clients([1, 1, 2]);
    ann.send(&broadcast());
    for client in [&ann, &ann_too, &bob] {
        assert_eq!(client.expects::<Broadcast>().from, Some(ann.user()), "the sender's too");
    }
}

#[test]
fn an_event_reaches_the_watchers_of_its_topic() {
    let world = chat().start();
    let [ann, bob] = world.clients([1, 2]);
    let topic: Topic = "score:4".parse().expect("it is a topic");
    ann.watches(&topic, true);
    let goal = message::<Event>(json!({"topic": "score:4", "name": "goal", "data": {"home": 2, "away": 1}}));
    world.backend().send(None, &goal).expect("services may");
    assert_eq!(ann.expects::<Event>().message, goal);
    bob.expects_nothing();
    bob.send(&goal);
    bob.expects_error(Code::NotAllowed);
}
