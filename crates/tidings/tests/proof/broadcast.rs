//! Broadcasts, and events for topics.

use serde_json::json;

use crate::{
    on_one_and_two_shards,
    world::{Api, As, Client, Plan, hears_nothing},
};

on_one_and_two_shards! {
    fn a_broadcast_reaches_every_connection_the_senders_too(shards: u16) {
        let plan = Plan::dev().shards(shards);
        let server = plan.start();
        let mut all = ["7", "7", "2", "2", "3", "4", "5"].map(|user| Client::dev(&server, user));
        for number in 0..5 {
            let forged = json!({"type": "broadcast", "content": "hi", "data": {"number": number}, "from": 3, "seq": 9});
            all[0].say_text(&forged.to_string());
            let mut message = all[0].hear();
            all[1..].iter_mut().for_each(|client| assert_eq!(client.hear(), message));
            let fields = message.as_object_mut().unwrap();
            assert!(fields.remove("timestamp").is_some_and(|at| at.as_u64() > Some(1_700_000_000)));
            assert!(fields.remove("id").is_some_and(|id| id.as_str().unwrap().parse::<u64>().is_ok()));
            let expected =
                json!({"type": "broadcast", "content": "hi", "data": {"number": number}, "from": 7, "user_id": 7});
            assert_eq!(message, expected, "it is not kept, so it has no place");
        }
        hears_nothing(&server, &mut all.each_mut());
    }
}

#[test]
fn users_broadcast_only_where_the_configuration_says_so() {
    let content = json!({"type": "broadcast", "content": "hi"});
    for (plan, allowed) in [
        (Plan::production(), false),
        (Plan::production().set("TYPES__BROADCAST__SENDERS", "users"), true),
        (Plan::dev().set("TYPES__BROADCAST__SENDERS", "service"), false),
    ] {
        let server = plan.start();
        let (token, key) = (plan.token("7"), plan.key());
        let mut ann = Client::token(&server, "7", &token).unwrap();
        ann.say(&content);
        let answer = ann.hear();
        if allowed {
            assert_eq!((&answer["type"], &answer["from"]), (&json!("broadcast"), &json!(7)), "{answer}");
        } else {
            assert_eq!(answer["code"], "not_allowed", "{answer}");
            let said = answer["message"].as_str().unwrap();
            assert!(said.contains("[types.broadcast]") && said.contains("senders"), "{said}");
        }
        let over_http = Api::of(&server, As::Bearer(&token)).send(&content).status;
        assert_eq!(over_http, if allowed { 202 } else { 403 });
        if allowed {
            ann.hear();
        }
        let by_service = Api::of(&server, As::Bearer(&key)).send(&content);
        assert_eq!(by_service.status, 202, "{}", by_service.body);
        let heard = ann.hear();
        assert_eq!((&heard["content"], heard.get("from")), (&json!("hi"), None), "{heard}");
    }
}

#[test]
fn a_service_pushes_an_event_to_a_topic() {
    let plan = Plan::production();
    let server = plan.start();
    let (token, key) = (plan.token("7"), plan.key());
    let event = json!({"type": "event", "topic": "score:4", "name": "goal", "data": {"home": 2}});
    let pushed = Api::of(&server, As::Bearer(&key)).send(&event);
    assert_eq!((pushed.status, pushed.body.get("seq")), (202, None), "{}", pushed.body);
    assert!(pushed.body["id"].as_str().is_some());
    assert_eq!(Api::of(&server, As::Bearer(&token)).send(&event).status, 403);
    let mut ann = Client::token(&server, "7", &token).unwrap();
    assert_eq!(ann.refused(&event.to_string())["code"], "not_allowed");
}
