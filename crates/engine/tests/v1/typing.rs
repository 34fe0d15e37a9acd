//! Who is typing: told seldom, kept nowhere.

use std::time::Duration;

use serde_json::json;
use tidings_wire::GroupId;

use crate::world::{connect, expects_type, says, user, world};

#[test]
fn typing_is_told_to_the_other_at_most_every_two_seconds() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    let [guide] = world.clients([2]);
    for _ in 0..5 {
        says(&ann, &json!({"type": "typing", "to": 2}));
    }
    assert_eq!(expects_type(&bob, "typing"), json!({"type": "typing", "conversation": "dm:1:2", "user": 1}));
    bob.expects_nothing();
    world.advance(Duration::from_secs(2));
    says(&ann, &json!({"type": "typing", "to": 2}));
    expects_type(&bob, "typing");
    [&ann, &guide].into_iter().for_each(|client| client.expects_nothing());
}

#[test]
fn in_a_group_its_members_learn_of_it_unless_they_are_many() {
    let world = world();
    let [ann, bob, eve] = [1, 2, 3].map(|id| connect(&world, id));
    let group = GroupId::new(5);
    for id in [1, 2] {
        world.backend().set_member(group, user(id), true);
    }
    [&ann, &bob].into_iter().for_each(|client| drop(expects_type(client, "joined")));
    says(&ann, &json!({"type": "typing", "group_id": 5}));
    assert_eq!(expects_type(&bob, "typing")["conversation"], "group:5");
    says(&eve, &json!({"type": "typing", "ref": 1, "group_id": 5}));
    assert_eq!(expects_type(&eve, "error")["code"], "not_a_member");
    says(&eve, &json!({"type": "typing", "ref": 1}));
    assert_eq!(expects_type(&eve, "error")["code"], "bad_field");
    (10..=120).for_each(|id| world.backend().set_member(group, user(id), true));
    world.advance(Duration::from_secs(3));
    says(&ann, &json!({"type": "typing", "ref": 2, "group_id": 5}));
    assert_eq!(expects_type(&ann, "error")["code"], "not_allowed");
    [&ann, &bob].into_iter().for_each(|client| client.expects_nothing());
}
