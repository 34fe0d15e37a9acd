//! Backends: messages for anyone, with keys of their own, and each stored once.

use serde_json::json;

use crate::{
    on_one_and_two_shards,
    world::{Api, As, Client, Plan, heard},
};

on_one_and_two_shards! {
    fn a_message_over_http_is_heard_like_any_other(shards: u16) {
        let plan = Plan::production().shards(shards);
        let server = plan.start();
        let key = plan.key();
        let [ann, bob] = ["7", "2"].map(|user| plan.token(user));
        let mut clients = [("7", &ann), ("2", &bob)].map(|(user, token)| Client::token(&server, user, token).unwrap());
        let message = json!({"type": "private", "to": 2, "content": "hi", "from": 7, "user_id": 3, "id": "1", "seq": 9});
        for (seq, caller) in [(1, As::Bearer(&ann)), (2, As::Bearer(&key))] {
            let sent = Api::of(&server, caller).send(&message);
            assert_eq!((sent.status, &sent.body["conversation"], &sent.body["seq"]), (201, &json!("dm:2:7"), &json!(seq)));
            for client in &mut clients {
                let heard = client.hear();
                assert_eq!((&heard["from"], &heard["user_id"]), (&json!(7), &json!(7)), "{heard}");
                for name in ["id", "timestamp", "conversation", "seq"] {
                    assert_eq!(heard[name], sent.body[name], "{name}");
                }
            }
        }
    }

    fn a_service_may_say_who_hears_a_message(shards: u16) {
        let plan = Plan::dev().shards(shards);
        let server = plan.start();
        let key = plan.key();
        let service = Api::of(&server, As::Bearer(&key));
        service.join("5", &["2", "3"]);
        let mut clients = ["7", "2", "3", "4"].map(|user| Client::dev(&server, user));
        for (audience, hearers) in [
            (json!({"users": [2, 4]}), &[1, 3][..]),
            (json!({"group": 5}), &[1, 2]),
            (json!({"everyone": true}), &[0, 1, 2, 3]),
            (json!({"topic": "score:4"}), &[]),
        ] {
            let message = json!({"type": "broadcast", "content": "hi", "audience": audience});
            let sent = service.send(&message);
            assert_eq!(sent.status, 202, "{audience}: {}", sent.body);
            let all = heard(&server, &mut clients.each_mut());
            for (index, heard) in all.iter().enumerate() {
                assert_eq!(heard.len(), usize::from(hearers.contains(&index)), "{audience}: client {index}: {heard:?}");
                assert!(heard.iter().all(|heard| heard["content"] == "hi" && heard.get("audience").is_none()), "{heard:?}");
            }
        }
        let by_user = json!({"type": "private", "to": 2, "content": "hi", "audience": {"everyone": true}});
        assert_eq!(Api::of(&server, As::Dev("7")).send(&by_user).status, 403);
    }
}

#[test]
fn a_repeated_key_stores_once_and_answers_the_same() {
    let plan = Plan::dev();
    let server = plan.start();
    let mut bob = Client::dev(&server, "2");
    let api = Api::of(&server, As::Dev("7"));
    let message = json!({"type": "private", "to": 2, "content": "hi"});
    let first = api.send_once("k-1", &message);
    assert_eq!((first.status, first.body.get("duplicate")), (201, None), "{}", first.body);
    let again = api.send_once("k-1", &message);
    assert_eq!((again.status, &again.body["duplicate"]), (201, &json!(true)), "{}", again.body);
    for name in ["id", "conversation", "seq"] {
        assert_eq!(again.body[name], first.body[name], "{name}");
    }
    let other = api.send_once("k-1", &json!({"type": "private", "to": 2, "content": "ho"}));
    assert_eq!((other.status, &other.body["code"]), (409, &json!("key_reused")), "{}", other.body);
    let next = api.send_once("k-2", &message);
    assert_eq!((next.status, &next.body["seq"]), (201, &json!(2)), "a repeat takes no seq: {}", next.body);
    let by_another = Api::of(&server, As::Dev("3")).send_once("k-1", &message);
    assert_eq!(
        (by_another.status, &by_another.body["conversation"]),
        (201, &json!("dm:2:3")),
        "keys are each sender's own"
    );
    let heard = heard(&server, &mut [&mut bob]);
    assert_eq!(heard[0].len(), 3, "{heard:?}");
    drop(server);
    let server = plan.start();
    let later = Api::of(&server, As::Dev("7")).send_once("k-1", &message);
    assert_eq!((&later.body["duplicate"], &later.body["id"]), (&json!(true), &first.body["id"]), "after a restart too");
}

#[test]
fn a_key_does_what_its_scopes_say_until_it_is_revoked() {
    let plan = Plan::production();
    let server = plan.start();
    let reader = plan.says(&["keys", "new", "--name", "reader", "--scope", "read"]);
    let api = Api::of(&server, As::Bearer(&reader));
    assert_eq!(api.get("/v1/presence?users=2").status, 200);
    let message = json!({"type": "private", "from": 7, "to": 2, "content": "hi"});
    for refused in [
        api.send(&message),
        api.call("PUT", "/v1/groups/5/members/2", None),
        api.call("DELETE", "/v1/users/2/connections", None),
    ] {
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("not_allowed")), "{}", refused.body);
    }
    assert_eq!(api.history("dm:2:7"), Err(404));
    let forged = format!("{}x", &reader[..reader.len() - 1]);
    assert_eq!(Api::of(&server, As::Bearer(&forged)).get("/v1/presence?users=2").status, 401);
    let upgrade = Client::token(&server, "7", &reader).err().unwrap();
    assert_eq!(upgrade.status, 401, "a service is no user: {upgrade:?}");
}
