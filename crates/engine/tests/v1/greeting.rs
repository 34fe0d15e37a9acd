//! From `hello` to `welcome`.

use std::time::Duration;

use serde_json::json;
use tidings_testkit::{Hold, World};
use tidings_wire::{Audience, CloseCode, GroupId};

use crate::world::{builder, connect, expects_type, frames, note, says, user, world};

fn hello() -> serde_json::Value {
    json!({"type": "hello", "ref": 7})
}

#[test]
fn a_welcome_says_who_and_where_each_conversation_stands() {
    let world = world();
    let bob = connect(&world, 2);
    for text in ["one", "two", "three"] {
        says(&bob, &note(1, text));
    }
    let ann = world.v1(user(1), &hello());
    let welcome = expects_type(&ann, "welcome");
    assert_eq!((&welcome["ref"], &welcome["user"], &welcome["epoch"]), (&json!(7), &json!(1), &json!("memory")));
    assert_eq!((&welcome["ping"], &welcome["limits"]["frame_bytes"]), (&json!(25), &json!(65_536)));
    assert!(welcome["connection"].is_string() && welcome.get("expires_in_ms").is_none(), "{welcome}");
    let [conversation] = &welcome["conversations"].as_array().unwrap()[..] else { panic!("{welcome}") };
    assert_eq!(conversation["conversation"], "dm:1:2");
    assert_eq!(
        (&conversation["head"], &conversation["read"], &conversation["unread"]),
        (&json!(3), &json!(0), &json!(3))
    );
    assert_eq!(conversation["last"]["text"], "three");
    assert!(conversation["last"].get("user_id").is_none(), "the guide's alone");
    assert_eq!(expects_type(&ann, "resumed"), json!({"type": "resumed", "ref": 7, "behind": []}));
    ann.expects_nothing();
}

#[test]
fn before_the_welcome_nothing_is_sent_and_nothing_kept_is_lost() {
    // Read before the message was there, or after: it comes live, or stands in the list.
    assert_eq!(welcomed_late(Hold::Answers), (0, vec!["note".to_owned(), "resumed".to_owned()]));
    assert_eq!(welcomed_late(Hold::Readings), (1, vec!["resumed".to_owned()]));
}

/// Conversations in the welcome, and the types of what follows it.
fn welcomed_late(hold: Hold) -> (usize, Vec<String>) {
    let world = world();
    let bob = connect(&world, 2);
    world.store().holds_readings(hold);
    let ann = world.v1(user(1), &hello());
    says(&bob, &note(1, "kept"));
    says(&bob, &json!({"type": "wave", "to": 1}));
    world.backend().send_to(Audience::everyone(), &crate::world::Wave { to: user(1) }).expect("it is sent");
    ann.expects_nothing();
    assert!(world.is_online(user(1)), "or what is committed now would miss it");
    world.store().holds_readings(Hold::Nothing);
    let listed = expects_type(&ann, "welcome")["conversations"].as_array().map_or(0, Vec::len);
    let rest = frames(&ann).iter().map(|frame| frame["type"].as_str().unwrap_or_default().to_owned()).collect();
    says(&bob, &note(1, "live"));
    assert_eq!(expects_type(&ann, "note")["text"], "live");
    (listed, rest)
}

#[test]
fn what_is_sent_right_behind_the_hello_waits_for_the_welcome() {
    let world = world();
    world.store().holds_readings(Hold::Readings);
    let ann = world.v1(user(1), &hello());
    says(&ann, &json!({"type": "note", "ref": 2, "to": 2, "text": "early"}));
    ann.expects_nothing();
    world.store().holds_readings(Hold::Nothing);
    let kinds: Vec<_> = frames(&ann).iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["welcome", "resumed", "ack"]);
}

#[test]
fn a_second_hello_is_refused_and_reserved_frames_are_no_messages() {
    let world = world();
    let ann = connect(&world, 1);
    says(&ann, &json!({"type": "hello", "ref": 3}));
    let error = expects_type(&ann, "error");
    assert_eq!((&error["code"], &error["ref"]), (&json!("not_allowed"), &json!(3)));
    says(&ann, &json!({"type": "ping", "ref": 4}));
    assert_eq!(expects_type(&ann, "pong"), json!({"type": "pong", "ref": 4}));
    let [guide] = world.clients([2]);
    says(&guide, &json!({"type": "ping"}));
    assert_eq!(expects_type(&guide, "error")["code"], "unknown_type");
}

#[test]
fn a_drain_is_announced_and_then_closes_with_1012() {
    let world = world();
    let ann = connect(&world, 1);
    world.drains(Duration::ZERO);
    let drain = expects_type(&ann, "drain");
    assert!((1_000..10_000).contains(&drain["retry_after_ms"].as_u64().unwrap()), "{drain}");
    ann.expects_close(CloseCode::Restart);
}

#[test]
fn a_store_that_answers_no_reading_sends_the_client_away_for_now() {
    let world: World = builder().start();
    world.store().holds_readings(Hold::Refused);
    let ann = world.v1(user(1), &hello());
    ann.expects_close(CloseCode::Restart);
    world.store().holds_readings(Hold::Nothing);
    connect(&world, 1);
}

#[test]
fn whoever_waits_for_a_welcome_is_not_taken_for_silent() {
    let world = world();
    world.store().holds_readings(Hold::Readings);
    // The store answers the first readings late; the others wait for their turn behind them.
    let clients: Vec<_> = (1..=40).map(|id| world.v1(user(id), &hello())).collect();
    world.advance(Duration::from_secs(28));
    world.store().holds_readings(Hold::Nothing);
    for client in &clients {
        expects_type(client, "welcome");
    }
}

#[test]
fn a_reading_that_is_never_answered_sends_the_client_away_for_now() {
    let world = world();
    world.store().holds_readings(Hold::Readings);
    let ann = world.v1(user(1), &hello());
    world.advance(Duration::from_secs(90));
    ann.expects_close(CloseCode::Restart);
}

#[test]
fn memberships_and_read_marks_that_change_before_the_welcome_are_told_behind_it_whatever_else_came() {
    let world = world();
    let [ann, phone] = [1, 2].map(|id| connect(&world, id));
    says(&ann, &note(2, "first"));
    world.store().holds_readings(Hold::Answers);
    let bob = world.v1(user(2), &hello());
    // More messages than are held, and then as many changes that stand in no stream.
    for number in 0..200 {
        says(&ann, &note(2, &number.to_string()));
    }
    for group in 1..=200 {
        world.backend().set_member(GroupId::new(group), user(2), true);
    }
    says(&phone, &json!({"type": "read", "conversation": "dm:1:2", "seq": 150}));
    world.store().holds_readings(Hold::Nothing);
    expects_type(&bob, "welcome");
    let heard = frames(&bob);
    let joined = heard.iter().filter(|frame| frame["type"] == "joined").map(|frame| frame["conversation"].clone());
    assert!(joined.eq((1..=200).map(|group| json!(format!("group:{group}")))), "{heard:?}");
    let read = heard.iter().find(|frame| frame["type"] == "read" && frame["user"] == 2).expect("the mark is told");
    assert_eq!((&read["seq"], &read["unread"]), (&json!(150), &json!(51)));
    let resumed = heard.last().unwrap();
    assert_eq!((&resumed["type"], &resumed["behind"][0]["head"]), (&json!("resumed"), &json!(201)));
}

#[test]
fn how_far_others_have_read_keeps_nobody_out() {
    let world = world();
    world.backend().adds(GroupId::new(5), (1..=100).map(user));
    let readers: Vec<_> = (3..=92).map(|id| connect(&world, id)).collect();
    let ann = connect(&world, 1);
    (0..4).for_each(|_| says(&ann, &json!({"type": "post", "group_id": 5, "text": "hi"})));
    world.store().holds_readings(Hold::Answers);
    let bob = world.v1(user(2), &hello());
    for seq in 1..=3 {
        readers.iter().for_each(|reader| says(reader, &json!({"type": "read", "conversation": "group:5", "seq": seq})));
        world.advance(Duration::from_millis(1_250));
    }
    // What is the user's own still has room.
    (6..=100).for_each(|group| world.backend().set_member(GroupId::new(group), user(2), true));
    world.store().holds_readings(Hold::Nothing);
    expects_type(&bob, "welcome");
    let joined = frames(&bob).iter().filter(|frame| frame["type"] == "joined").count();
    assert_eq!(joined, 95);
}

#[test]
fn whoever_missed_more_changes_before_the_welcome_than_are_held_is_sent_away_to_begin_anew() {
    let world = world();
    world.store().holds_readings(Hold::Answers);
    let bob = world.v1(user(2), &hello());
    for group in 1..=256 {
        world.backend().set_member(GroupId::new(group), user(2), true);
    }
    assert!(bob.is_open());
    world.backend().set_member(GroupId::new(257), user(2), true);
    bob.expects_close(CloseCode::Restart);
    world.store().holds_readings(Hold::Nothing);
}
