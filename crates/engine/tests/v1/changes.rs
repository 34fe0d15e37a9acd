//! Edits and deletions: events with a seq of their own.

use serde_json::{Value, json};
use tidings_testkit::{Client, World};

use crate::world::{connect, expects_type, frames, note, resume, says, user, world};

/// Ann has written "one" and "two" to Bob, who has heard both.
fn written(world: &World) -> [Client; 2] {
    let [ann, bob] = [1, 2].map(|id| connect(world, id));
    for text in ["one", "two"] {
        says(&ann, &note(2, text));
        expects_type(&ann, "ack");
        expects_type(&bob, "note");
    }
    [ann, bob]
}

fn edit(seq: u64, body: Value) -> Value {
    json!({"type": "edit", "ref": 9, "conversation": "dm:1:2", "seq": seq, "body": body})
}

fn delete(seq: u64) -> Value {
    json!({"type": "delete", "ref": 9, "conversation": "dm:1:2", "seq": seq})
}

#[test]
fn an_edit_is_an_event_with_a_seq_of_its_own() {
    let world = world();
    let [ann, bob] = written(&world);
    let [guide] = world.clients([2]);
    says(&ann, &edit(1, json!({"to": 2, "text": "uno"})));
    let ack = expects_type(&ann, "ack");
    assert_eq!((&ack["ref"], &ack["seq"]), (&json!(9), &json!(3)));
    let edited = expects_type(&bob, "edited");
    assert_eq!((&edited["seq"], &edited["of"], &edited["from"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!((&edited["body"]["text"], &edited["id"]), (&json!("uno"), &ack["id"]));
    guide.expects_nothing();
}

#[test]
fn a_deletion_leaves_nothing_of_the_body() {
    let world = world();
    let [ann, bob] = written(&world);
    says(&ann, &delete(1));
    expects_type(&ann, "ack");
    let deleted = expects_type(&bob, "deleted");
    assert_eq!((&deleted["seq"], &deleted["of"]), (&json!(3), &json!(1)));
    assert!(deleted.get("body").is_none());
    says(&bob, &json!({"type": "history", "conversation": "dm:1:2"}));
    let page = expects_type(&bob, "history");
    let first = &page["messages"][0];
    assert!(first.get("text").is_none() && first["deleted_at"].is_i64() && first["seq"] == 1, "{page}");
    says(&ann, &delete(1));
    assert_eq!(expects_type(&ann, "error")["code"], "not_found", "it is deleted already");
}

#[test]
fn whoever_was_away_learns_of_changes_by_resuming() {
    let world = world();
    let [ann, bob] = written(&world);
    bob.disconnects();
    says(&ann, &edit(1, json!({"to": 2, "text": "uno"})));
    says(&ann, &edit(1, json!({"to": 2, "text": "eins"})));
    says(&ann, &delete(2));
    let bob = resume(&world, 2, &json!({"dm:1:2": 2}));
    let missed = frames(&bob);
    let seen: Vec<_> = missed.iter().map(|frame| (frame["type"].as_str().unwrap(), frame["of"].as_u64())).collect();
    assert_eq!(seen, [("edited", Some(1)), ("edited", Some(1)), ("deleted", Some(2)), ("resumed", None)]);
    assert!(missed[..2].iter().all(|frame| frame["body"]["text"] == "eins"), "the body as it is now: {missed:?}");
    assert!(missed[..3].iter().all(|frame| frame["replayed"] == true));
}

#[test]
fn an_edit_of_what_is_deleted_by_now_is_a_skip() {
    let world = world();
    let [ann, bob] = written(&world);
    bob.disconnects();
    says(&ann, &edit(1, json!({"to": 2, "text": "uno"})));
    says(&ann, &delete(1));
    let bob = resume(&world, 2, &json!({"dm:1:2": 2}));
    let skip = expects_type(&bob, "skip");
    assert_eq!(skip, json!({"type": "skip", "conversation": "dm:1:2", "from": 3, "to": 3}));
    expects_type(&bob, "deleted");
    expects_type(&bob, "resumed");
}

#[test]
fn only_the_sender_changes_a_message_and_others_learn_nothing_new() {
    let world = world();
    let [ann, bob] = written(&world);
    let eve = connect(&world, 3);
    for (client, frame, code) in [
        (&bob, delete(1), "not_allowed"),
        (&bob, edit(1, json!({"to": 1, "text": "x"})), "not_allowed"),
        (&eve, delete(1), "not_found"),
        (&eve, edit(1, json!({"to": 2, "text": "x"})), "not_found"),
        (&ann, delete(99), "not_found"),
        (&ann, edit(1, json!({"to": 3, "text": "x"})), "bad_field"),
        (&ann, edit(1, json!({"text": 5})), "bad_field"),
        (&ann, edit(1, json!([])), "bad_field"),
        (&ann, json!({"type": "delete", "ref": 9, "conversation": "dm:2:1", "seq": 1}), "bad_field"),
        (&ann, json!({"type": "delete", "ref": 9, "conversation": "dm:1:2"}), "bad_field"),
    ] {
        says(client, &frame);
        let error = expects_type(client, "error");
        assert_eq!((&error["code"], &error["ref"]), (&json!(code), &json!(9)), "{frame} {error}");
    }
    says(&ann, &edit(1, json!({"text": 5})));
    assert_eq!(expects_type(&ann, "error")["field"], "body.text");
    ann.expects_nothing();
    bob.expects_nothing();
}

#[test]
fn the_last_message_in_the_list_is_neither_event_nor_deleted() {
    let world = world();
    let [ann, _bob] = written(&world);
    says(&ann, &delete(2));
    says(&ann, &edit(1, json!({"to": 2, "text": "uno"})));
    let bob = world.v1(user(2), &json!({"type": "hello"}));
    let welcome = expects_type(&bob, "welcome");
    let conversation = &welcome["conversations"][0];
    assert_eq!((&conversation["last"]["text"], &conversation["head"]), (&json!("uno"), &json!(4)));
    assert_eq!(conversation["unread"], 1, "one is left that Bob has not read: the events are none");
    assert!(conversation["last"]["edited_at"].is_i64(), "{welcome}");
}
