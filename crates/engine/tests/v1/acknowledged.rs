//! Acknowledgements: what was taken, where it stands, and when that is said.

use serde_json::json;
use tidings_testkit::golden::Dialect;

use crate::world::{builder, connect, expects_type, frames, frames_in, log, note, says, user, world};

#[test]
fn a_kept_message_is_acknowledged_with_its_place() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    let at_home = connect(&world, 1);
    says(&ann, &json!({"type": "note", "ref": 5, "key": "k1", "to": 2, "text": "hi"}));
    let ack = expects_type(&ann, "ack");
    assert_eq!((&ack["ref"], &ack["conversation"], &ack["seq"]), (&json!(5), &json!("dm:1:2"), &json!(1)));
    assert!(ack.get("duplicate").is_none());
    let heard = expects_type(&bob, "note");
    assert_eq!((&heard["id"], &heard["seq"], &heard["from"]), (&ack["id"], &json!(1), &json!(1)));
    assert!(heard.get("key").is_none() && heard.get("user_id").is_none(), "{heard}");
    assert_eq!(expects_type(&at_home, "note")["key"], "k1", "the sender's own connections know it by its key");
    ann.expects_nothing();
}

#[test]
fn without_a_ref_a_kept_message_is_acknowledged_and_another_is_not() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    says(&ann, &note(2, "kept"));
    assert!(expects_type(&ann, "ack").get("ref").is_none());
    says(&ann, &json!({"type": "wave", "to": 2}));
    ann.expects_nothing();
    says(&ann, &json!({"type": "wave", "ref": 6, "to": 2}));
    let ack = expects_type(&ann, "ack");
    expects_type(&bob, "note");
    expects_type(&bob, "wave");
    assert_eq!((&ack["ref"], &ack["id"]), (&json!(6), &expects_type(&bob, "wave")["id"]));
    assert!(ack.get("seq").is_none() && ack["timestamp"].is_i64(), "{ack}");
}

#[test]
fn a_repeat_gets_the_first_answer_and_another_body_is_refused() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    let send = json!({"type": "note", "ref": 1, "key": "k", "to": 2, "text": "once"});
    says(&ann, &send);
    let first = expects_type(&ann, "ack");
    expects_type(&bob, "note");
    let again = connect(&world, 1);
    says(&again, &send);
    let second = expects_type(&again, "ack");
    assert_eq!((&second["id"], &second["seq"], &second["duplicate"]), (&first["id"], &first["seq"], &json!(true)));
    says(&again, &json!({"type": "note", "ref": 2, "key": "k", "to": 2, "text": "other"}));
    let refused = expects_type(&again, "error");
    assert_eq!((&refused["code"], &refused["ref"]), (&json!("key_reused"), &json!(2)));
    bob.expects_nothing();
}

#[test]
fn the_same_key_from_a_hundred_connections_is_one_message() {
    let world = world();
    let bob = connect(&world, 2);
    let clients: Vec<_> = (0..100).map(|_| connect(&world, 1)).collect();
    world.store().holds();
    for client in &clients {
        says(client, &json!({"type": "note", "key": "k", "to": 2, "text": "once"}));
    }
    world.store().goes_on();
    let acks: Vec<_> = clients.iter().flat_map(frames).filter(|frame| frame["type"] == "ack").collect();
    assert_eq!(acks.len(), 100);
    assert_eq!(acks.iter().filter(|ack| ack.get("duplicate").is_none()).count(), 1);
    assert!(acks.iter().all(|ack| ack["seq"] == 1 && ack["id"] == acks[0]["id"]));
    assert_eq!(log(&frames(&bob)), [(1, "once".to_owned())]);
}

#[test]
fn an_acknowledgement_stands_in_the_messages_place() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    world.store().holds();
    for number in 0..10 {
        says(&ann, &note(2, &format!("a{number}")));
        says(&bob, &note(1, &format!("b{number}")));
    }
    world.store().goes_on();
    for client in [&ann, &bob] {
        let seqs: Vec<_> = frames(client).iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>(), "messages of the other and one's own acknowledgements");
    }
}

#[test]
fn an_acknowledgement_waits_behind_messages_that_have_not_reached_everybody() {
    let world = builder().settings(|settings| settings.sends_under_way = 64).start();
    let group = tidings_wire::GroupId::new(5);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    let mut others = Vec::new();
    world.holding(|| others = (3..=1_200).map(|id| world.client(user(id))).collect());
    world.backend().adds(group, (1..=1_200).map(user));
    [&ann, &bob].into_iter().for_each(|member| drop(frames(member)));
    world.store().holds();
    let post = |text: &str| json!({"type": "post", "group_id": 5, "text": text});
    for number in 0..4 {
        says(&ann, &post(&format!("a{number}")));
        says(&bob, &post(&format!("b{number}")));
    }
    world.store().goes_on();
    for client in [&ann, &bob] {
        let seqs: Vec<_> = frames(client).iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=8).collect::<Vec<_>>());
    }
    for member in &others {
        assert_eq!(log(&frames_in(Dialect::Guide, member)).len(), 8);
    }
}

#[test]
fn a_store_that_fails_is_told_with_when_to_come_back_and_nothing_is_acknowledged() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    world.store().breaks();
    says(&ann, &json!({"type": "note", "ref": 1, "key": "k", "to": 2, "text": "hi"}));
    let refused = expects_type(&ann, "error");
    assert_eq!((&refused["code"], &refused["ref"]), (&json!("unavailable"), &json!(1)));
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 0);
    says(&ann, &json!({"type": "wave", "to": 2}));
    expects_type(&bob, "wave");
    world.store().goes_on();
    says(&ann, &json!({"type": "note", "ref": 2, "key": "k", "to": 2, "text": "hi"}));
    assert!(expects_type(&ann, "ack").get("duplicate").is_none());
    expects_type(&bob, "note");
}

#[test]
fn a_repeat_gets_its_answer_though_its_sender_has_left_the_group() {
    let world = world();
    let ann = connect(&world, 1);
    let group = tidings_wire::GroupId::new(5);
    world.backend().set_member(group, user(1), true);
    frames(&ann);
    let post = json!({"type": "post", "ref": 1, "key": "k", "group_id": 5, "text": "hi"});
    says(&ann, &post);
    let first = expects_type(&ann, "ack");
    world.backend().set_member(group, user(1), false);
    frames(&ann);
    says(&ann, &post);
    let again = expects_type(&ann, "ack");
    assert_eq!((&again["id"], &again["duplicate"]), (&first["id"], &json!(true)));
    says(&ann, &json!({"type": "post", "ref": 2, "key": "new", "group_id": 5, "text": "hi"}));
    assert_eq!(expects_type(&ann, "error")["code"], "not_a_member");
}
