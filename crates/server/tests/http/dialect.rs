//! `tidings.v1` beside the guide's dialect and beside HTTP: one act, whichever way.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Socket},
    world::{World, dev, options},
};

fn say(socket: &mut Socket, frame: &Value) {
    socket.say(&frame.to_string());
}

fn ask(world: &World, method: &str, path: &str, authorization: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    world.ask(method, &format!("/v1/conversations/{path}"), &[("Authorization", authorization)], &body)
}

/// A letter from 7 to 2, acknowledged; its seq.
fn letter(ann: &mut Socket, content: &str) -> u64 {
    say(ann, &json!({"type": "letter", "to": 2, "content": content, "ref": 5}));
    let ack = ann.hears_type("ack");
    assert_eq!((&ack["ref"], &ack["conversation"]), (&json!(5), &json!("dm:2:7")));
    ack["seq"].as_u64().unwrap()
}

#[test]
fn a_repeat_under_its_key_is_acknowledged_as_a_duplicate_and_another_message_refused() {
    let world = World::keeping(options());
    let (mut ann, mut bob) = (world.v1(7), world.v1(2));
    let keyed = |content: &str| json!({"type": "letter", "to": 2, "content": content, "ref": 1, "key": "k1"});
    say(&mut ann, &keyed("hi"));
    let first = ann.hears_type("ack");
    assert_eq!(first["duplicate"], Value::Null);
    say(&mut ann, &keyed("hi"));
    let again = ann.hears_type("ack");
    assert_eq!((&again["id"], &again["seq"], &again["duplicate"]), (&first["id"], &first["seq"], &json!(true)));
    say(&mut ann, &keyed("something else"));
    assert_eq!(ann.hears_type("error")["code"], "key_reused");
    let http = world.ask(
        "POST",
        "/v1/messages",
        &[("Authorization", &world.token(7)), ("Idempotency-Key", "k1")],
        r#"{"type":"letter","to":2,"content":"hi"}"#,
    );
    assert_eq!((&http.json()["id"], &http.json()["duplicate"]), (&first["id"], &json!(true)), "one name space");
    assert_eq!(bob.hears_type("letter")["seq"], 1);
    letter(&mut ann, "the next");
    assert_eq!(bob.hears_type("letter")["seq"], 2, "nothing was heard twice");
}

#[test]
fn edits_deletions_and_marks_reach_the_others_in_this_dialect_and_nobody_in_the_guides() {
    let world = World::keeping(dev());
    let (mut ann, mut bob, mut guide) = (world.v1(7), world.v1(2), world.socket(2));
    assert_eq!((letter(&mut ann, "frist"), letter(&mut ann, "second")), (1, 2));
    for socket in [&mut bob, &mut guide] {
        assert_eq!(
            (socket.hears_type("letter")["seq"].as_u64(), socket.hears_type("letter")["seq"].as_u64()),
            (Some(1), Some(2))
        );
    }
    say(
        &mut ann,
        &json!({"type": "edit", "ref": 6, "conversation": "dm:2:7", "seq": 1, "body": {"to": 2, "content": "first"}}),
    );
    let ack = ann.hears_type("ack");
    assert_eq!((&ack["ref"], &ack["seq"]), (&json!(6), &json!(3)));
    let edited = bob.hears_type("edited");
    assert_eq!((&edited["of"], &edited["seq"], &edited["body"]["content"]), (&json!(1), &json!(3), &json!("first")));
    say(&mut ann, &json!({"type": "delete", "ref": 7, "conversation": "dm:2:7", "seq": 2}));
    assert_eq!(ann.hears_type("ack")["seq"], 4);
    assert_eq!(bob.hears_type("deleted")["of"], 2);
    say(&mut bob, &json!({"type": "read", "conversation": "dm:2:7", "seq": 99}));
    let own = bob.hears_type("read");
    assert_eq!((&own["user"], &own["seq"], &own["unread"]), (&json!(2), &json!(4), &json!(0)));
    let others = ann.hears_type("read");
    assert_eq!((&others["user"], &others["seq"], &others["unread"]), (&json!(2), &json!(4), &Value::Null));
    say(
        &mut bob,
        &json!({"type": "edit", "ref": 8, "conversation": "dm:2:7", "seq": 1, "body": {"to": 2, "content": "mine"}}),
    );
    assert_eq!(bob.hears_type("error")["code"], "not_allowed");
    letter(&mut ann, "the last");
    assert_eq!(guide.hears_type("letter")["content"], "the last", "a guide's connection heard nothing in between");
}

#[test]
fn a_page_over_the_socket_is_the_page_over_http_but_for_user_id() {
    let world = World::keeping(options());
    let mut ann = world.v1(7);
    for number in 0..5 {
        letter(&mut ann, &format!("letter {number}"));
    }
    let token = world.token(7);
    assert_eq!(ask(&world, "DELETE", "dm:2:7/messages/2", &token, &Value::Null).status, 200);
    let new = json!({"body": {"to": 2, "content": "better"}});
    assert_eq!(ask(&world, "PATCH", "dm:2:7/messages/3", &token, &new).status, 200);
    for (page, query) in [
        (json!({}), ""),
        (json!({"after": 2, "limit": 3}), "?after=2&limit=3"),
        (json!({"before": 4, "limit": 2}), "?before=4&limit=2"),
    ] {
        let mut frame = json!({"type": "history", "ref": 4, "conversation": "dm:2:7"});
        frame.as_object_mut().unwrap().extend(page.as_object().unwrap().clone());
        say(&mut ann, &frame);
        let mut socket = loop {
            let heard = ann.hears();
            if heard["type"] == "history" {
                break heard;
            }
            assert!(["edited", "deleted"].contains(&heard["type"].as_str().unwrap()), "{heard}");
        };
        let mut http = ask(&world, "GET", &format!("dm:2:7/messages{query}"), &token, &Value::Null).json();
        for entry in http["messages"].as_array_mut().unwrap() {
            let entry = entry.as_object_mut().unwrap();
            assert_eq!(entry.remove("user_id").as_ref(), entry.get("from"));
        }
        for (name, value) in [("type", json!("history")), ("ref", json!(4)), ("conversation", json!("dm:2:7"))] {
            assert_eq!(socket.as_object_mut().unwrap().remove(name), Some(value));
        }
        assert_eq!(socket, http, "{query}");
    }
}

#[test]
fn over_http_users_change_their_own_messages_and_services_any() {
    let world = World::keeping(options());
    let (mut ann, mut bob) = (world.v1(7), world.v1(2));
    letter(&mut ann, "one");
    letter(&mut ann, "two");
    bob.hears_type("letter");
    bob.hears_type("letter");
    let new = |content: &str| json!({"body": {"to": 2, "content": content}});
    let edited = ask(&world, "PATCH", "dm:2:7/messages/1", &world.token(7), &new("changed"));
    let place = edited.json();
    assert_eq!((edited.status, &place["seq"], &place["of"]), (200, &json!(3), &json!(1)), "{place}");
    for socket in [&mut ann, &mut bob] {
        assert_eq!(socket.hears_type("edited")["id"], place["id"]);
    }
    let service = world.key("send");
    assert_eq!(ask(&world, "PATCH", "dm:2:7/messages/1", &service, &new("moderated")).status, 200);
    assert_eq!(bob.hears_type("edited")["from"], Value::Null);
    assert_eq!(ask(&world, "DELETE", "dm:2:7/messages/2", &service, &Value::Null).status, 200);
    assert_eq!(bob.hears_type("deleted")["of"], 2);
    for (method, path, authorization, body, refusal) in [
        ("PATCH", "dm:2:7/messages/1", world.token(2), new("x"), (403, "not_allowed")),
        ("DELETE", "dm:2:7/messages/1", world.token(2), Value::Null, (403, "not_allowed")),
        ("DELETE", "dm:2:7/messages/1", world.token(3), Value::Null, (404, "not_found")),
        ("DELETE", "dm:2:7/messages/2", world.token(7), Value::Null, (404, "not_found")),
        ("DELETE", "dm:2:7/messages/99", world.token(7), Value::Null, (404, "not_found")),
        ("DELETE", "dm:2:7/messages/x", world.token(7), Value::Null, (422, "bad_field")),
        ("DELETE", "dm:7:2/messages/1", world.token(7), Value::Null, (422, "bad_field")),
        ("DELETE", "dm:2:7/messages/1", world.key("read"), Value::Null, (403, "not_allowed")),
        ("PATCH", "dm:2:7/messages/1", world.token(7), json!({"body": {"to": 3, "content": "x"}}), (422, "bad_field")),
        ("PATCH", "dm:2:7/messages/1", world.token(7), json!({"body": 5}), (422, "bad_field")),
        ("PATCH", "dm:2:7/messages/1", world.token(7), json!({}), (422, "bad_field")),
    ] {
        let answer = ask(&world, method, path, &authorization, &body);
        assert_eq!(answer.problem(), (refusal.0, refusal.1.into()), "{method} {path} {body}");
    }
}

#[test]
fn a_mark_moves_forward_over_http_and_says_where_it_stands() {
    let world = World::keeping(options());
    let (mut ann, mut bob) = (world.v1(7), world.v1(2));
    for number in 0..3 {
        letter(&mut ann, &number.to_string());
        bob.hears_type("letter");
    }
    let read = |authorization: &str, seq: u64| ask(&world, "PUT", "dm:2:7/read", authorization, &json!({"seq": seq}));
    assert_eq!(read(&world.token(2), 2).json(), json!({"seq": 2, "unread": 1}));
    assert_eq!(bob.hears_type("read")["unread"], 1);
    assert_eq!(ann.hears_type("read")["seq"], 2);
    assert_eq!(read(&world.token(2), 1).json(), json!({"seq": 2, "unread": 1}), "only forward");
    assert_eq!(read(&world.token(2), 99).json(), json!({"seq": 3, "unread": 0}), "the head at most");
    assert_eq!(read(&world.token(3), 1).problem(), (404, "not_found".into()));
    let service = ask(&world, "PUT", "dm:2:7/read?user=2", &world.key("send"), &json!({"seq": 1}));
    assert_eq!(service.json(), json!({"seq": 3, "unread": 0}));
}

#[test]
fn a_mute_shows_in_ones_own_list_and_holds_nothing_back() {
    let world = World::keeping(options());
    let service = world.key("send");
    let (mut ann, mut bob) = (world.v1(7), world.v1(2));
    let mute = |path: &str, authorization: &str, until: Value| {
        ask(&world, "PUT", path, authorization, &json!({ "until": until }))
    };
    let missing = mute("dm:2:7/mute", &world.token(2), json!(1_900_000_000));
    assert_eq!(missing.problem(), (404, "not_found".into()), "there is nothing in it yet");
    letter(&mut ann, "one");
    bob.hears_type("letter");
    assert_eq!(mute("dm:2:7/mute", &world.token(2), json!(1_900_000_000)).status, 204);
    letter(&mut ann, "two");
    assert_eq!(bob.hears_type("letter")["seq"], 2);
    let list = |user| world.get("/v1/conversations", &[("Authorization", &world.token(user))]).json();
    let line = |user| list(user)["conversations"][0].clone();
    assert_eq!((&line(2)["muted_until"], &line(2)["unread"]), (&json!(1_900_000_000), &json!(2)));
    assert_eq!(line(7)["muted_until"], Value::Null, "nobody else learns of it");
    assert_eq!(mute("dm:2:7/mute?user=2", &service, Value::Null).status, 204);
    assert_eq!(line(2)["muted_until"], Value::Null);
    for (body, authorization, refusal) in [
        (json!({}), world.token(2), (422, "bad_field")),
        (json!({"until": "soon"}), world.token(2), (422, "bad_field")),
        (json!({"until": -1}), world.token(2), (422, "bad_field")),
        (json!({"until": 253_402_300_800_u64}), world.token(2), (422, "bad_field")),
        (json!({"until": null}), world.token(3), (404, "not_found")),
        (json!({"until": null}), service.clone(), (422, "bad_field")),
    ] {
        let answer = ask(&world, "PUT", "dm:2:7/mute", &authorization, &body);
        assert_eq!(answer.problem(), (refusal.0, refusal.1.into()), "{body}");
    }
    // Each could be a commit: so there are only so many a minute.
    let limited =
        (0..10_000).map(|_| mute("dm:2:7/mute", &world.token(2), Value::Null)).find(|answer| answer.status != 204);
    assert_eq!(limited.expect("there is a limit").problem(), (429, "limited".into()));
}

#[test]
fn changes_in_a_group_reach_its_members() {
    let world = World::keeping(options());
    let admin = world.key("admin");
    let mut members: Vec<Socket> = [1, 2, 3].into_iter().map(|user| world.v1(user)).collect();
    for user in [1, 2, 3] {
        let path = format!("/v1/groups/5/members/{user}");
        assert_eq!(world.ask("PUT", &path, &[("Authorization", &admin)], "").status, 204);
        assert_eq!(members[user - 1].hears_type("joined")["conversation"], "group:5");
    }
    say(&mut members[0], &json!({"type": "postcard", "group_id": 5, "ref": 1}));
    assert_eq!(members[0].hears_type("ack")["seq"], 1);
    assert!(members[1..].iter_mut().all(|socket| socket.hears_type("postcard")["seq"] == 1));
    assert_eq!(ask(&world, "DELETE", "group:5/messages/1", &world.token(1), &Value::Null).status, 200);
    assert!(members.iter_mut().all(|socket| socket.hears_type("deleted")["of"] == 1));
    assert_eq!(
        ask(&world, "PUT", "group:5/read", &world.token(2), &json!({"seq": 2})).json(),
        json!({"seq": 2, "unread": 0})
    );
    assert!(members.iter_mut().all(|socket| socket.hears_type("read")["user"] == 2));
}
