//! `tidings.v1`: what a client missed while it was away comes when it is back, once and in order.

use serde_json::{Value, json};

use crate::{
    on_one_and_two_shards,
    world::{Api, As, Client, Plan},
};

fn hello(client: &mut Client, hello: Value) -> Value {
    client.say(&hello);
    let welcome = client.hear();
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    welcome
}

/// The frames up to `resumed`, and that one.
fn resumed(client: &mut Client) -> (Vec<Value>, Value) {
    let mut replayed = Vec::new();
    loop {
        let frame = client.hear();
        if frame["type"] == "resumed" {
            return (replayed, frame);
        }
        replayed.push(frame);
    }
}

fn sends(ann: &mut Client, content: &str) -> Value {
    ann.say(&json!({"type": "private", "to": 2, "content": content, "ref": 1}));
    let ack = ann.hear();
    assert_eq!((&ack["type"], &ack["ref"]), (&json!("ack"), &json!(1)), "{ack}");
    ack
}

on_one_and_two_shards! {
    fn what_a_client_missed_comes_once_and_in_order_also_after_a_restart(shards: u16) {
        let plan = Plan::dev().shards(shards).unlimited();
        let server = plan.start();
        let (mut ann, mut bob) = (Client::v1(&server, "7"), Client::v1(&server, "2"));
        hello(&mut ann, json!({"type": "hello"}));
        resumed(&mut ann);
        let epoch = hello(&mut bob, json!({"type": "hello"}))["epoch"].clone();
        resumed(&mut bob);
        let first = sends(&mut ann, "first");
        assert_eq!((&bob.hear()["id"], &first["seq"]), (&first["id"], &json!(1)));
        bob.vanish();
        for number in 2..=150 {
            assert_eq!(sends(&mut ann, &number.to_string())["seq"], number);
        }
        ann.say(&json!({"type": "edit", "ref": 2, "conversation": "dm:2:7", "seq": 5, "body": {"to": 2, "content": "five"}}));
        assert_eq!(ann.hear()["seq"], 151);
        ann.say(&json!({"type": "delete", "ref": 3, "conversation": "dm:2:7", "seq": 6}));
        assert_eq!(ann.hear()["seq"], 152);
        ann.vanish();
        drop(server);
        let server = plan.start();
        let mut bob = Client::v1(&server, "2");
        let welcome = hello(&mut bob, json!({"type": "hello", "ref": 9, "epoch": epoch, "heads": {"dm:2:7": 1}}));
        let listed = &welcome["conversations"][0];
        assert_eq!((&listed["head"], &listed["unread"]), (&json!(152), &json!(149)), "{welcome}");
        let (replayed, end) = resumed(&mut bob);
        assert_eq!((&end["ref"], &end["behind"]), (&json!(9), &json!([])));
        let seqs: Vec<_> = replayed.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (2..=152).collect::<Vec<_>>());
        assert!(replayed.iter().all(|frame| frame["replayed"] == true));
        assert_eq!((&replayed[3]["content"], &replayed[149]["type"]), (&json!("five"), &json!("edited")));
        assert!(replayed[4]["deleted_at"].is_i64() && replayed[4]["content"].is_null());
        assert_eq!(replayed[150]["of"], 6);
        let mut ann = Client::v1(&server, "7");
        hello(&mut ann, json!({"type": "hello"}));
        resumed(&mut ann);
        sends(&mut ann, "live again");
        assert_eq!(bob.hear()["seq"], 153);
    }
}

#[test]
fn one_act_is_the_same_over_the_socket_and_over_http() {
    let plan = Plan::dev();
    let server = plan.start();
    let (mut ann, mut bob, mut guide) = (Client::v1(&server, "7"), Client::v1(&server, "2"), Client::dev(&server, "2"));
    for client in [&mut ann, &mut bob] {
        hello(client, json!({"type": "hello"}));
        resumed(client);
    }
    let keyed = json!({"type": "private", "to": 2, "content": "hi", "ref": 1, "key": "k1"});
    ann.say(&keyed);
    let first = ann.hear();
    ann.say(&keyed);
    let again = ann.hear();
    assert_eq!((&again["seq"], &again["duplicate"]), (&first["seq"], &json!(true)));
    let http = Api::of(&server, As::Dev("7")).send_once("k1", &json!({"type": "private", "to": 2, "content": "hi"}));
    assert_eq!((http.status, &http.body["id"], &http.body["duplicate"]), (201, &first["id"], &json!(true)));
    for client in [&mut bob, &mut guide] {
        assert_eq!(client.hear()["id"], first["id"]);
    }
    let api = |user, method, path: &str, body: Value| {
        let answer = Api::of(&server, As::Dev(user)).call(method, path, Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let edited = json!({"body": {"to": 2, "content": "hello"}});
    assert_eq!(api("7", "PATCH", "/v1/conversations/dm:2:7/messages/1", edited)["seq"], 2);
    assert_eq!(bob.hear()["body"]["content"], "hello");
    assert_eq!(ann.hear()["of"], 1);
    let mark = api("2", "PUT", "/v1/conversations/dm:2:7/read", json!({"seq": 2}));
    assert_eq!(mark, json!({"seq": 2, "unread": 0}));
    assert_eq!(ann.hear()["type"], "read");
    assert_eq!(bob.hear()["unread"], 0);
    assert_eq!(guide.refused("{}")["code"], "bad_json", "the guide's connection heard of none of it");
}
