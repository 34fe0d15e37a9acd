//! Private messages: who hears them, and what they hear.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    on_one_and_two_shards,
    world::{Api, As, Client, Plan, heard, hears_nothing, id},
};

on_one_and_two_shards! {
    fn a_private_message_reaches_every_connection_of_both_but_the_sending_one(shards: u16) {
        let plan = Plan::dev().shards(shards);
        let server = plan.start();
        let mut ann = [(); 3].map(|()| Client::dev(&server, "7"));
        let mut bob = [(); 3].map(|()| Client::dev(&server, "2"));
        let mut eve = Client::dev(&server, "3");
        ann[0].say(&json!({"type": "private", "to": 2, "content": "hi"}));
        let first = bob[0].hear();
        for client in bob[1..].iter_mut().chain(&mut ann[1..]) {
            assert_eq!(client.hear(), first, "all hear the same");
        }
        let mut all: Vec<&mut Client> = ann.iter_mut().chain(&mut bob).chain([&mut eve]).collect();
        hears_nothing(&server, &mut all);
    }

    fn messages_between_two_are_numbered_in_one_stream_whoever_sends(shards: u16) {
        let plan = Plan::dev().shards(shards);
        let server = plan.start();
        let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
        for round in 0..3 {
            ann.say(&json!({"type": "private", "to": 2, "content": "ping"}));
            let ping = bob.hear();
            bob.say(&json!({"type": "private", "to": 7, "content": "pong"}));
            let pong = ann.hear();
            assert_eq!((&ping["conversation"], &pong["conversation"]), (&json!("dm:2:7"), &json!("dm:2:7")));
            assert_eq!((&ping["seq"], &pong["seq"]), (&json!(2 * round + 1), &json!(2 * round + 2)));
            let ids = [&ping, &pong].map(|message| message["id"].as_str().unwrap().parse::<u64>().unwrap());
            assert!(0 < ids[0] && ids[0] < ids[1], "{ids:?}");
        }
    }

    fn a_connection_that_sends_many_at_once_is_heard_in_order(shards: u16) {
        let plan = Plan::dev().shards(shards).unlimited();
        let server = plan.start();
        let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
        let mut phone = Client::dev(&server, "7");
        for number in 0..500 {
            ann.say(&json!({"type": "private", "to": 2, "content": number.to_string()}));
        }
        for number in 0..500 {
            let message = bob.hear();
            assert_eq!((&message["content"], &message["seq"]), (&json!(number.to_string()), &json!(number + 1)));
            assert_eq!(phone.hear(), message);
        }
    }
}

#[test]
fn a_message_says_who_sent_it_when_and_where_it_stands_and_nothing_else() {
    let plan = Plan::dev();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    let forged = json!({
        "type": "private", "to": 2, "content": "hi", "unknown": {"a": 1}, "ref": 5,
        "from": 99, "user_id": 99, "id": "1", "timestamp": 1, "conversation": "dm:1:1", "seq": 77, "replayed": true,
    });
    ann.say_text(&forged.to_string());
    let mut message = bob.hear();
    let fields = message.as_object_mut().unwrap();
    let told_at = fields.remove("timestamp").unwrap().as_u64().unwrap();
    assert!((before..=now()).contains(&told_at), "{told_at}");
    let id = fields.remove("id").unwrap();
    assert!(id.as_str().unwrap().parse::<u64>().unwrap() > 1, "{id}");
    let expected = json!({
        "type": "private", "to": 2, "content": "hi", "from": 7, "user_id": 7, "conversation": "dm:2:7", "seq": 1,
    });
    assert_eq!(message, expected);
    hears_nothing(&server, &mut [&mut ann, &mut bob]);
}

#[test]
fn whatever_a_client_forges_in_whatever_form_is_dropped() {
    let plan = Plan::dev();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let odd = [json!(null), json!("x"), json!(-1), json!({"a": []}), json!([1]), json!(true), json!(1.5)];
    for (index, value) in odd.iter().enumerate() {
        let mut message = json!({"type": "private", "to": 2, "content": "hi"});
        for name in ["from", "user_id", "id", "timestamp", "conversation", "seq", "replayed"] {
            message[name] = value.clone();
        }
        ann.say_text(&message.to_string());
        let heard = bob.hear();
        assert_eq!(
            (&heard["from"], &heard["user_id"], &heard["seq"]),
            (&json!(7), &json!(7), &json!(index + 1)),
            "{value}"
        );
        assert!(heard.get("replayed").is_none(), "{heard}");
    }
}

#[test]
fn free_json_and_the_message_that_is_answered_come_through() {
    let plan = Plan::dev();
    let server = plan.start();
    let (mut ann, mut bob) = (Client::dev(&server, "7"), Client::dev(&server, "2"));
    let data = json!({"mood": "sunny", "from": 99, "deep": [{"a": null, "b": 1.5, "c": "é\u{1f600}\n"}]});
    ann.say(&json!({"type": "private", "to": 2, "content": "hi", "data": data, "reply_to": 41}));
    let message = bob.hear();
    assert_eq!((&message["data"], &message["reply_to"], &message["from"]), (&data, &json!(41), &json!(7)));
    // 8 KiB of it as compact JSON, and not a byte more.
    let filled =
        |bytes: usize| json!({"type": "private", "to": 2, "content": "hi", "data": {"a": "x".repeat(bytes - 8)}});
    ann.say(&filled(8 * 1024));
    assert_eq!(bob.hear()["data"], filled(8 * 1024)["data"]);
    let refused = ann.refused(&filled(8 * 1024 + 1).to_string());
    assert_eq!((&refused["code"], &refused["field"]), (&json!("bad_field"), &json!("data")));
    hears_nothing(&server, &mut [&mut ann, &mut bob]);
}

#[test]
fn a_note_to_oneself_is_heard_on_ones_other_connections() {
    let plan = Plan::dev();
    let server = plan.start();
    let (mut laptop, mut phone) = (Client::dev(&server, "7"), Client::dev(&server, "7"));
    laptop.say(&json!({"type": "private", "to": 7, "content": "milk"}));
    let note = phone.hear();
    assert_eq!((&note["conversation"], &note["seq"], &note["from"]), (&json!("dm:7:7"), &json!(1), &json!(7)));
    assert_eq!(Api::of(&server, As::Dev("7")).history("dm:7:7").unwrap(), [note]);
    hears_nothing(&server, &mut [&mut laptop, &mut phone]);
}

#[test]
fn users_may_have_integers_or_uuids_in_any_mixture() {
    const UUID: &str = "550e8400-e29b-41d4-a716-446655440000";
    const LATER: &str = "f50e8400-e29b-41d4-a716-446655440000";
    // 2^53 − 1 is the largest that every JSON reader takes as a number; 2^63 − 1 is the largest integer.
    let users = ["7", "9007199254740991", "9007199254740993", "9223372036854775807", UUID, LATER];
    let plan = Plan::dev();
    let server = plan.start();
    let mut clients = users.map(|user| Client::dev(&server, user));
    for from in 0..users.len() {
        for to in (0..users.len()).filter(|to| *to != from) {
            clients[from].say(&json!({"type": "private", "to": id(users[to]), "content": "hi"}));
            let message = clients[to].hear();
            assert_eq!((&message["from"], &message["to"]), (&id(users[from]), &id(users[to])), "{message}");
            let (lower, higher) = (users[from.min(to)], users[from.max(to)]);
            assert_eq!(message["conversation"], format!("dm:{lower}:{higher}"));
            let history = Api::of(&server, As::Dev(users[to])).history(&format!("dm:{lower}:{higher}")).unwrap();
            assert_eq!(history.last(), Some(&message));
        }
    }
}

#[test]
fn an_integer_may_be_written_as_digits_or_as_a_large_number() {
    let plan = Plan::dev();
    let server = plan.start();
    let mut ann = Client::dev(&server, "7");
    let mut bob = Client::dev(&server, "2");
    let mut far = Client::dev(&server, "9007199254740993");
    ann.say_text(r#"{"type":"private","to":"2","content":"hi"}"#);
    assert_eq!(bob.hear()["to"], 2);
    ann.say_text(r#"{"type":"private","to":9007199254740993,"content":"hi"}"#);
    assert_eq!(far.hear()["to"], "9007199254740993");
}

#[test]
fn ids_that_are_none_are_refused_by_name() {
    let plan = Plan::dev();
    let server = plan.start();
    let mut ann = Client::dev(&server, "7");
    let low_uuid = json!("00000000-0000-0000-0000-000000000007");
    let wrong =
        [json!(-1), json!(1.5), json!("bob"), json!(null), json!([2]), json!(9223372036854775808_u64), low_uuid];
    for to in wrong {
        let refused = ann.refused(&json!({"type": "private", "to": to, "content": "hi"}).to_string());
        assert_eq!((&refused["code"], &refused["field"]), (&json!("bad_field"), &json!("to")), "{to}: {refused}");
    }
    hears_nothing(&server, &mut [&mut ann]);
}

#[test]
fn someone_who_was_away_finds_the_message_in_the_history() {
    let plan = Plan::dev();
    let server = plan.start();
    let (mut laptop, mut phone) = (Client::dev(&server, "7"), Client::dev(&server, "7"));
    laptop.say(&json!({"type": "private", "to": 2, "content": "hi"}));
    let sent = phone.hear();
    let mut bob = Client::dev(&server, "2");
    assert_eq!(heard(&server, &mut [&mut bob]), [Vec::<Value>::new()], "this dialect replays nothing");
    assert_eq!(Api::of(&server, As::Dev("2")).history("dm:2:7").unwrap(), [sent]);
}
