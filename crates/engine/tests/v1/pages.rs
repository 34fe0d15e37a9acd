//! Pages of history over the socket.

use serde_json::{Value, json};

use crate::world::{builder, connect, expects_type, frames, note, says, world};

fn page(asked: Value) -> Value {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    for number in 1..=9 {
        says(&ann, &note(2, &number.to_string()));
        expects_type(&bob, "note");
    }
    let mut frame = json!({"type": "history", "ref": 4, "conversation": "dm:1:2"});
    frame.as_object_mut().expect("an object").extend(asked.as_object().expect("an object").clone());
    says(&bob, &frame);
    bob.expects_json()
}

fn seqs(page: &Value) -> Vec<u64> {
    page["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|message| message["seq"].as_u64().expect("a number"))
        .collect()
}

#[test]
fn a_page_is_ascending_whichever_way_it_was_asked_for() {
    let latest = page(json!({"limit": 3}));
    assert_eq!((seqs(&latest), &latest["more"], &latest["ref"]), (vec![7, 8, 9], &json!(true), &json!(4)));
    assert_eq!((&latest["oldest"], &latest["head"]), (&json!(1), &json!(9)));
    let before = page(json!({"before": 4}));
    assert_eq!((seqs(&before), &before["more"]), (vec![1, 2, 3], &json!(false)));
    let after = page(json!({"after": 2, "limit": 2}));
    assert_eq!((seqs(&after), &after["more"]), (vec![3, 4], &json!(true)));
    assert!(after["messages"][0].get("replayed").is_none());
}

#[test]
fn a_page_that_makes_no_sense_is_refused_with_its_field() {
    for (asked, code, field) in [
        (json!({"limit": 0}), "bad_field", Some("limit")),
        (json!({"limit": 101}), "bad_field", Some("limit")),
        (json!({"before": "x"}), "bad_field", Some("before")),
        (json!({"conversation": "dm:1:9"}), "not_found", None),
        (json!({"conversation": "group:9"}), "not_found", None),
    ] {
        let error = page(asked.clone());
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)), "{asked} {error}");
        assert_eq!((error["field"].as_str(), &error["ref"]), (field, &json!(4)), "{error}");
    }
}

#[test]
fn pages_wait_for_a_reader_that_takes_its_time() {
    let world = builder().socket_bytes(4_096).start();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    for _ in 0..40 {
        says(&ann, &note(2, &"x".repeat(9_000)));
    }
    frames(&bob);
    bob.stops_reading();
    for reference in 0..9 {
        says(&bob, &json!({"type": "history", "ref": reference, "conversation": "dm:1:2", "limit": 100}));
    }
    // More would have filled the outbox: what it asked for is taken up as it reads.
    bob.reads_on();
    let pages = frames(&bob);
    let answered: Vec<_> = pages.iter().map(|page| page["ref"].as_u64()).collect();
    assert_eq!(answered, (0..9).map(Some).collect::<Vec<_>>());
    assert!(bob.is_open());
}
