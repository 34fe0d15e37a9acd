//! How far each has read, and who learns of it.

use std::time::Duration;

use serde_json::json;
use tidings_wire::GroupId;

use crate::world::{connect, expects_type, frames, note, says, user, world};

#[test]
fn a_mark_moves_forward_on_all_of_the_readers_connections() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    let at_home = connect(&world, 2);
    for text in ["one", "two", "three"] {
        says(&ann, &note(2, text));
    }
    [&ann, &bob, &at_home].into_iter().for_each(|client| drop(frames(client)));
    says(&bob, &json!({"type": "read", "conversation": "dm:1:2", "seq": 2}));
    for own in [&bob, &at_home] {
        let read = json!({"type": "read", "conversation": "dm:1:2", "user": 2, "seq": 2, "unread": 1});
        assert_eq!(expects_type(own, "read"), read);
    }
    let receipt = json!({"type": "read", "conversation": "dm:1:2", "user": 2, "seq": 2});
    assert_eq!(expects_type(&ann, "read"), receipt, "others learn how far, not how much is left");
    says(&bob, &json!({"type": "read", "conversation": "dm:1:2", "seq": 1}));
    [&ann, &bob, &at_home].into_iter().for_each(|client| client.expects_nothing());
    says(&bob, &json!({"type": "read", "conversation": "dm:1:2", "seq": 99}));
    assert_eq!(expects_type(&bob, "read")["seq"], 3, "above the head counts as the head");
}

#[test]
fn others_learn_at_most_once_a_second_and_then_the_newest() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    (0..9).for_each(|number| says(&ann, &note(2, &number.to_string())));
    frames(&ann);
    (1..=9).for_each(|seq| says(&bob, &json!({"type": "read", "conversation": "dm:1:2", "seq": seq})));
    assert_eq!(expects_type(&ann, "read")["seq"], 1);
    ann.expects_nothing();
    world.advance(Duration::from_millis(1_250));
    assert_eq!(expects_type(&ann, "read")["seq"], 9);
    world.advance(Duration::from_secs(5));
    ann.expects_nothing();
}

#[test]
fn sending_moves_ones_own_mark() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    says(&ann, &note(2, "hi"));
    says(&bob, &note(1, "hello"));
    let bob = world.v1(user(2), &json!({"type": "hello"}));
    let conversation = expects_type(&bob, "welcome")["conversations"][0].clone();
    assert_eq!((&conversation["read"], &conversation["unread"]), (&json!(2), &json!(0)));
}

#[test]
fn whoever_sees_nothing_of_a_conversation_has_no_mark_there() {
    let world = world();
    let [ann, _bob, eve] = [1, 2, 3].map(|id| connect(&world, id));
    says(&ann, &note(2, "hi"));
    says(&eve, &json!({"type": "read", "ref": 1, "conversation": "dm:1:2", "seq": 1}));
    let error = expects_type(&eve, "error");
    assert_eq!((&error["code"], &error["ref"]), (&json!("not_found"), &json!(1)));
}

#[test]
fn members_learn_that_they_joined_and_left_and_small_groups_who_has_read() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    let group = GroupId::new(5);
    world.backend().set_member(group, user(1), true);
    assert_eq!(expects_type(&ann, "joined"), json!({"type": "joined", "conversation": "group:5", "head": 0}));
    says(&ann, &json!({"type": "post", "group_id": 5, "text": "alone"}));
    expects_type(&ann, "ack");
    world.backend().set_member(group, user(2), true);
    assert_eq!(expects_type(&bob, "joined")["head"], 1);
    says(&ann, &json!({"type": "post", "group_id": 5, "text": "together"}));
    expects_type(&ann, "ack");
    expects_type(&bob, "post");
    says(&bob, &json!({"type": "read", "conversation": "group:5", "seq": 2}));
    expects_type(&bob, "read");
    assert_eq!(expects_type(&ann, "read")["user"], 2);
    world.backend().set_member(group, user(2), false);
    assert_eq!(expects_type(&bob, "left"), json!({"type": "left", "conversation": "group:5", "head": 2}));
    ann.expects_nothing();
}

#[test]
fn in_a_large_group_nobody_learns_who_has_read() {
    let world = world();
    let group = GroupId::new(5);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    (1..=101).for_each(|id| world.backend().set_member(group, user(id), true));
    says(&ann, &json!({"type": "post", "group_id": 5, "text": "hi"}));
    [&ann, &bob].into_iter().for_each(|client| drop(frames(client)));
    says(&bob, &json!({"type": "read", "conversation": "group:5", "seq": 1}));
    assert_eq!(expects_type(&bob, "read")["unread"], 0);
    ann.expects_nothing();
}
