//! What is kept, and who may read it.

use serde_json::{Value, json};

use crate::{
    client::Answer,
    world::{World, options},
};

fn send(world: &World, authorization: &str, key: &str, body: &Value) -> Answer {
    let headers = [("Authorization", authorization), ("Idempotency-Key", key)];
    world.ask("POST", "/v1/messages", &headers, &body.to_string())
}

fn letter(to: u32, content: &str) -> Value {
    json!({"type": "letter", "to": to, "content": content})
}

fn read(world: &World, authorization: &str, path: &str) -> Answer {
    world.get(&format!("/v1/conversations{path}"), &[("Authorization", authorization)])
}

fn seqs(answer: &Answer) -> Vec<u64> {
    answer.json()["messages"].as_array().unwrap().iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}

#[test]
fn a_kept_message_is_answered_with_its_place_and_a_repeat_with_the_same() {
    let world = World::keeping(options());
    let ann = world.token(7);
    let first = send(&world, &ann, "k1", &letter(2, "hi"));
    assert_eq!(first.status, 201);
    let place = first.json();
    assert_eq!(
        (&place["conversation"], &place["seq"], &place["duplicate"]),
        (&json!("dm:2:7"), &json!(1), &json!(null))
    );
    let again = send(&world, &ann, "k1", &letter(2, "hi")).json();
    assert_eq!((&again["id"], &again["seq"], &again["duplicate"]), (&place["id"], &json!(1), &json!(true)));
    let other = send(&world, &ann, "k1", &letter(2, "something else"));
    assert_eq!(other.problem(), (409, "key_reused".into()));
}

#[test]
fn history_is_read_in_pages_by_those_who_are_part_of_it() {
    let world = World::keeping(options());
    let (ann, bob, eve, service) = (world.token(7), world.token(2), world.token(3), world.key("read"));
    for number in 1..=5 {
        assert_eq!(send(&world, &ann, &format!("k{number}"), &letter(2, "hi")).json()["seq"], number);
    }
    let of = "/dm:2:7/messages";
    let latest = read(&world, &bob, &format!("{of}?limit=2"));
    assert_eq!(seqs(&latest), [4, 5]);
    let page = latest.json();
    assert_eq!((&page["oldest"], &page["head"], &page["more"]), (&json!(1), &json!(5), &json!(true)));
    let message = &page["messages"][0];
    assert_eq!((&message["type"], &message["from"], &message["content"]), (&json!("letter"), &json!(7), &json!("hi")));
    assert_eq!(message["key"], json!(null), "the key is its sender's");
    assert_eq!(read(&world, &ann, &format!("{of}?limit=1")).json()["messages"][0]["key"], "k5");
    assert_eq!(seqs(&read(&world, &bob, &format!("{of}?before=4&limit=2"))), [2, 3]);
    assert_eq!(seqs(&read(&world, &bob, &format!("{of}?after=3"))), [4, 5]);
    assert_eq!(seqs(&read(&world, &service, of)), [1, 2, 3, 4, 5]);
    assert_eq!(seqs(&read(&world, &service, &format!("{of}?user=2"))), [1, 2, 3, 4, 5]);
    for (answer, why) in [
        (read(&world, &eve, of), "a stranger"),
        (read(&world, &eve, "/dm:3:9/messages"), "nothing there"),
        (read(&world, &service, &format!("{of}?user=3")), "through a stranger's eyes"),
    ] {
        assert_eq!(answer.problem(), (404, "not_found".into()), "{why}");
    }
}

#[test]
fn a_page_stops_at_96_kib_at_its_far_end() {
    let world = World::keeping(options());
    let ann = world.token(7);
    let long = "x".repeat(40 * 1024);
    for number in 1..=4 {
        assert_eq!(send(&world, &ann, &format!("k{number}"), &letter(2, &long)).status, 201);
    }
    let latest = read(&world, &ann, "/dm:2:7/messages");
    assert_eq!((seqs(&latest), &latest.json()["more"]), (vec![3, 4], &json!(true)));
    let from_start = read(&world, &ann, "/dm:2:7/messages?after=0");
    assert_eq!((seqs(&from_start), &from_start.json()["more"]), (vec![1, 2], &json!(true)));
}

#[test]
fn conversations_are_listed_latest_first_with_a_shortened_last_message() {
    let world = World::keeping(options());
    let ann = world.token(7);
    let long = "ü".repeat(300);
    for (number, to) in [2, 3, 4].into_iter().enumerate() {
        assert_eq!(send(&world, &ann, &format!("k{number}"), &letter(to, &long)).status, 201);
    }
    let list = read(&world, &ann, "?limit=2").json();
    let names: Vec<_> =
        list["conversations"].as_array().unwrap().iter().map(|one| one["conversation"].as_str().unwrap()).collect();
    assert_eq!((names, &list["more"]), (vec!["dm:4:7", "dm:3:7"], &json!(true)));
    let last = &list["conversations"][0]["last"];
    assert_eq!((&last["seq"], last["content"].as_str()), (&json!(1), Some(&*"ü".repeat(200))));
    let rest = read(&world, &ann, "?before=dm:3:7").json();
    assert_eq!(rest["conversations"][0]["conversation"], "dm:2:7");
    let of_bob = read(&world, &world.key("read"), "?user=2").json();
    assert_eq!((&of_bob["conversations"][0]["unread"], &of_bob["conversations"][0]["head"]), (&json!(1), &json!(1)));
}

#[test]
fn a_service_sends_kept_messages_for_users_to_one_stream() {
    let world = World::keeping(options());
    let service = world.key("all");
    let mut bob = world.upgrade("/ws", &[("Authorization", &world.token(2))]).unwrap();
    let from = json!({"type": "letter", "to": 9, "content": "hi", "from": 7, "audience": {"users": [2]}});
    let answer = send(&world, &service, "k1", &from);
    assert_eq!((answer.status, &answer.json()["conversation"]), (201, &json!("dm:2:7")));
    assert_eq!(bob.hears()["from"], 7);
    let wide = json!({"type": "letter", "to": 9, "content": "hi", "from": 7, "audience": {"everyone": true}});
    let refused = send(&world, &service, "k2", &wide);
    assert_eq!((refused.problem(), &refused.json()["field"]), ((422, "bad_field".into()), &json!("audience")));
}

#[test]
fn a_group_is_read_by_its_members() {
    let world = World::keeping(options());
    let (admin, ann) = (world.key("all"), world.token(1));
    for user in [1, 2] {
        let path = format!("/v1/groups/5/members/{user}");
        assert_eq!(world.ask("PUT", &path, &[("Authorization", &admin)], "").status, 204);
    }
    let sent = send(&world, &ann, "k1", &json!({"type": "postcard", "group_id": 5}));
    assert_eq!((sent.status, &sent.json()["conversation"]), (201, &json!("group:5")));
    assert_eq!(seqs(&read(&world, &world.token(2), "/group:5/messages")), [1]);
    assert_eq!(read(&world, &world.token(3), "/group:5/messages").problem(), (404, "not_found".into()));
    let stranger = send(&world, &world.token(3), "k1", &json!({"type": "postcard", "group_id": 5}));
    assert_eq!(stranger.problem(), (403, "not_a_member".into()));
}
