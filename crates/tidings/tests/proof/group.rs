//! Group messages: members hear them, and nobody else.

use serde_json::json;

use crate::{
    on_one_and_two_shards,
    world::{Api, As, Client, Plan, heard, hears_nothing},
};

on_one_and_two_shards! {
    fn a_group_message_reaches_every_member_on_every_connection_but_the_sending_one(shards: u16) {
        let plan = Plan::dev().shards(shards);
        let server = plan.start();
        Api::of(&server, As::Dev("1")).join("5", &["7", "2", "3"]);
        let mut ann = [(); 2].map(|()| Client::dev(&server, "7"));
        let mut others = ["2", "2", "2", "3"].map(|user| Client::dev(&server, user));
        let mut eve = Client::dev(&server, "4");
        for seq in 1..=3 {
            let said = json!({"type": "group", "group_id": 5, "content": "hi", "data": {"a": 1}, "reply_to": 1, "from": 4});
            ann[0].say_text(&said.to_string());
            let mut message = ann[1].hear();
            others.iter_mut().for_each(|other| assert_eq!(other.hear(), message));
            let fields = message.as_object_mut().unwrap();
            assert!(fields.remove("timestamp").is_some() && fields.remove("id").is_some());
            let expected = json!({
                "type": "group", "group_id": 5, "content": "hi", "data": {"a": 1}, "reply_to": 1, "from": 7, "user_id": 7,
                "conversation": "group:5", "seq": seq,
            });
            assert_eq!(message, expected);
        }
        let mut all: Vec<&mut Client> = ann.iter_mut().chain(&mut others).chain([&mut eve]).collect();
        hears_nothing(&server, &mut all);
    }

    fn membership_counts_from_the_moment_it_is_confirmed(shards: u16) {
        let plan = Plan::dev().shards(shards);
        let server = plan.start();
        let api = Api::of(&server, As::Dev("1"));
        api.join("5", &["7", "2"]);
        let (mut ann, mut bob, mut eve) = (Client::dev(&server, "7"), Client::dev(&server, "2"), Client::dev(&server, "3"));
        let mut say = |content: &str| ann.say(&json!({"type": "group", "group_id": 5, "content": content}));
        for round in 0..5 {
            say("without Eve");
            assert_eq!(bob.hear()["content"], "without Eve");
            api.join("5", &["3"]);
            say("with Eve");
            assert_eq!(bob.hear()["content"], "with Eve");
            let message = eve.hear();
            assert_eq!((&message["content"], &message["seq"]), (&json!("with Eve"), &json!(2 * round + 2)));
            assert_eq!(api.call("DELETE", "/v1/groups/5/members/3", None).status, 204);
        }
        say("without Eve");
        bob.hear();
        hears_nothing(&server, &mut [&mut eve]);
        eve.say(&json!({"type": "group", "group_id": 5, "content": "let me in"}));
        assert_eq!(eve.hear()["code"], "not_a_member");
        hears_nothing(&server, &mut [&mut ann, &mut bob, &mut eve]);
    }
}

#[test]
fn a_stranger_cannot_tell_a_group_from_none() {
    let plan = Plan::dev();
    let server = plan.start();
    let api = Api::of(&server, As::Dev("1"));
    api.join("5", &["7"]);
    let (mut ann, mut eve) = (Client::dev(&server, "7"), Client::dev(&server, "3"));
    let mut answers = ["5", "6", "\"550e8400-e29b-41d4-a716-446655440000\""].map(|group| {
        let refused = eve.refused(&format!(r#"{{"type":"group","group_id":{group},"content":"hi"}}"#));
        assert_eq!(refused["code"], "not_a_member", "{refused}");
        refused
    });
    answers.sort_by_key(ToString::to_string);
    assert_eq!(answers[0], answers[2], "the answers are the same");
    let over_http = ["5", "6"].map(|group| {
        let group: u64 = group.parse().unwrap();
        let answer = Api::of(&server, As::Dev("3")).send(&json!({"type": "group", "group_id": group, "content": "hi"}));
        (answer.status, answer.body)
    });
    assert_eq!(over_http[0], over_http[1]);
    assert_eq!((over_http[0].0, &over_http[0].1["code"]), (403, &json!("not_a_member")));
    hears_nothing(&server, &mut [&mut ann, &mut eve]);
    assert_eq!(Api::of(&server, As::Dev("7")).history("group:5"), Api::of(&server, As::Dev("7")).history("group:6"));
}

#[test]
fn groups_survive_a_restart_and_may_have_uuids() {
    const GROUP: &str = "550e8400-e29b-41d4-a716-446655440000";
    let plan = Plan::dev();
    let server = plan.start();
    Api::of(&server, As::Dev("1")).join(GROUP, &["7", "2"]);
    drop(server);
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    ann.say(&json!({"type": "group", "group_id": GROUP, "content": "hi"}));
    let message = bob.hear();
    assert_eq!((&message["group_id"], &message["conversation"]), (&json!(GROUP), &json!(format!("group:{GROUP}"))));
    assert_eq!(heard(&server, &mut [&mut ann])[0].len(), 0);
    let members = Api::of(&server, As::Dev("2")).get(&format!("/v1/groups/{GROUP}/members"));
    assert_eq!(members.body["members"], json!([2, 7]));
    assert_eq!(Api::of(&server, As::Dev("3")).get(&format!("/v1/groups/{GROUP}/members")).status, 403);
}
