//! What a user may ask an app for by law: everything that is kept of them, and its end.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};
use tidings_engine::{
    act::{Op, Seen},
    ports::MessageStore,
};
use tidings_testkit::contract::act;
use tidings_wire::UserId;

use crate::world::{World, of_user, options};

/// The lines of an export, without the chunks' sizes (RFC 9112 §7.1) between them.
fn exported(world: &World, user: u32, authorization: &str) -> Vec<Value> {
    let mut client = world.client();
    let path = of_user(user, "export");
    client.write(format!(
        "GET {path} HTTP/1.1\r\nHost: chat.localhost\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
    ));
    let answer = String::from_utf8(client.closed()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.to_lowercase().contains("content-type: application/x-ndjson"), "{answer}");
    answer.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn send(world: &World, from: u32, message: &Value) {
    // Nobody's allowance is used up.
    world.clock.advance(Duration::from_secs(10));
    let sent = world.ask("POST", "/v1/messages", &[("Authorization", &world.token(from))], &message.to_string());
    assert_eq!(sent.status, 201, "{sent:?}");
}

fn of<'a>(lines: &'a [Value], record: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["record"] == record).collect()
}

#[test]
fn an_export_holds_all_that_a_user_wrote_and_where_they_stand() {
    let world = World::keeping(options());
    let admin = world.key("all");
    world.ask("PUT", "/v1/groups/5/members/7", &[("Authorization", &admin)], "");
    for number in 0..250 {
        send(&world, 7, &json!({"type": "letter", "to": 2, "content": number.to_string()}));
    }
    send(&world, 2, &json!({"type": "letter", "to": 7, "content": "somebody else's"}));
    send(&world, 7, &json!({"type": "postcard", "group_id": 5}));
    world.clock.advance(Duration::from_secs(10));
    let lines = exported(&world, 7, &world.key("read"));
    assert_eq!((&lines[0]["record"], &lines[0]["user"]), (&json!("user"), &json!(7)));
    let conversations = of(&lines, "conversation");
    assert_eq!((conversations.len(), &conversations[1]["conversation"]), (2, &json!("dm:2:7")));
    assert_eq!((&conversations[1]["read"], &conversations[1]["head"]), (&json!(250), &json!(251)));
    let messages = of(&lines, "message");
    assert_eq!(messages.len(), 251);
    assert!(messages.iter().all(|line| line["message"]["from"] == 7));
    assert_eq!(messages[249]["message"]["content"], "249");
    assert_eq!(lines.last().unwrap()["record"], "end");
    let refused = world.get(&of_user(7, "export"), &[("Authorization", &world.token(7))]);
    assert_eq!(refused.problem(), (403, "not_allowed".into()));
}

#[test]
fn an_erasure_leaves_nothing_that_the_user_wrote_and_closes_their_connections() {
    let world = World::keeping(options());
    let (admin, all) = (world.key("admin"), world.key("all"));
    for user in [2, 7] {
        world.ask("PUT", &format!("/v1/groups/5/members/{user}"), &[("Authorization", &admin)], "");
    }
    send(&world, 7, &json!({"type": "letter", "to": 2, "content": "mine"}));
    send(&world, 2, &json!({"type": "letter", "to": 7, "content": "yours"}));
    send(&world, 7, &json!({"type": "postcard", "group_id": 5}));
    let mut ann = world.v1(7);
    let kept = || {
        let export = exported(&world, 7, &all);
        (export[0].get("last_seen").cloned(), world.get("/v1/presence?users=7", &[("Authorization", &all)]).json())
    };
    let seen = Op::Seen(Seen { user: UserId::new(7), at: Some(5), sure: true });
    world.store.submit(&mut VecDeque::from([act(None, [seen])]));
    // The writer takes one after another.
    send(&world, 7, &json!({"type": "letter", "to": 7, "content": "a note"}));
    assert_eq!(kept().0, Some(json!(5)));
    let erase = |authorization: &str| world.ask("DELETE", &of_user(7, "data"), &[("Authorization", authorization)], "");
    assert_eq!(erase(&world.key("read")).problem(), (403, "not_allowed".into()));
    let erased = erase(&admin);
    assert_eq!((erased.status, erased.json()), (200, json!({"closed": 1, "groups": 1, "messages": 3})));
    assert_eq!(kept(), (None, json!({"presence": [{"user": 7, "online": false}]})));
    assert_eq!(ann.last_code(), 4403);
    let page = world.get("/v1/conversations/dm:2:7/messages", &[("Authorization", &world.token(2))]).json();
    let left: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| &message["content"]).collect();
    assert_eq!((left, &page["oldest"]), (vec![&json!("yours")], &json!(2)));
    let members = world.get("/v1/groups/5/members", &[("Authorization", &world.token(2))]).json();
    assert_eq!(members["members"], json!([2]));
    assert_eq!(erase(&admin).json(), json!({"closed": 0, "groups": 1, "messages": 0}), "a repeat erases nothing");
    assert!(of(&exported(&world, 7, &all), "message").is_empty());
}
