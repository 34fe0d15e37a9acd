//! Commits that the store never told of are found and delivered within 5 s; all others once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    messages::{GROUP, Group, Private, private, to_group, user, world},
    watching::{arrives, asks},
};

const LATE: Duration = Duration::from_secs(5);

#[test]
fn a_commit_of_which_nothing_is_told_reaches_those_who_are_online_within_5_seconds() {
    for offset_ms in [0, 300, 1_250, 2_499] {
        let world = world().shards(2).start();
        let [ann, bob] = world.clients([1, 2]);
        let bob_at_home = arrives(&world, 2);
        world.advance(Duration::from_millis(offset_ms));
        world.store().loses_settlements();
        ann.send(&private(bob.user(), "lost"));
        bob.expects_nothing();
        world.advance(LATE);
        let got = bob.expects::<Private>();
        assert_eq!((got.message.content.as_str(), got.from), ("lost", Some(ann.user())));
        let got = bob_at_home.expects_json();
        assert_eq!((&got["content"], &got["seq"], &got["conversation"]), (&json!("lost"), &json!(1), &json!("dm:1:2")));
        assert_eq!(
            ann.expects::<Private>().message.content,
            "lost",
            "its sender, who was told nothing, hears of it too"
        );
        world.advance(4 * LATE);
        [&bob, &bob_at_home].into_iter().for_each(|client| client.expects_nothing());
    }
}

#[test]
fn a_commit_that_was_said_to_have_failed_and_is_on_disk_is_delivered_with_its_key() {
    let world = world().start();
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    world.store().denies_commits();
    asks(&ann, json!({"type": "private", "to": 2, "content": "hi", "key": "k", "ref": 1}));
    assert_eq!(ann.expects_json()["code"], "unavailable");
    world.store().tells_the_truth();
    world.advance(LATE);
    assert_eq!(bob.expects_json()["content"], "hi");
    let own = ann.expects_json();
    assert_eq!((&own["content"], &own["key"]), (&json!("hi"), &json!("k")), "its sender knows it by the key");
    asks(&ann, json!({"type": "private", "to": 2, "content": "hi", "key": "k", "ref": 2}));
    let ack = ann.expects_json();
    assert_eq!((&ack["type"], &ack["duplicate"], &ack["seq"]), (&json!("ack"), &json!(true), &json!(1)));
    world.advance(2 * LATE);
    bob.expects_nothing();
}

#[test]
fn what_was_lost_between_others_is_found_and_events_and_groups_too() {
    let world = world().shards(2).start();
    world.backend().adds(GROUP, [1, 2, 3].map(user));
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    let eve = world.client(user(3));
    ann.send(&to_group("one"));
    world.store().loses_settlements();
    for number in 0..300 {
        drop(world.backend().begins_send(Some(ann.user()), &to_group(format!("lost {number}")), None));
    }
    asks(
        &ann,
        json!({"type": "edit", "ref": 1, "conversation": "group:5", "seq": 1, "body": {"group_id": 5, "content": "ONE"}}),
    );
    world.store().tells_the_truth();
    bob.send(&to_group("two"));
    world.advance(LATE);
    let frames: Vec<Value> = bob.texts().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let mut seqs: Vec<u64> =
        frames.iter().filter(|frame| frame["type"] != "ack").map(|frame| frame["seq"].as_u64().unwrap()).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=302).collect::<Vec<_>>(), "each once; 303 is bob's own");
    let edited = frames.iter().find(|frame| frame["type"] == "edited").expect("the edit");
    assert_eq!((&edited["seq"], &edited["of"], &edited["body"]["content"]), (&json!(302), &json!(1), &json!("ONE")));
    assert_eq!(eve.expects_some::<Group>().len(), 302, "the guide's dialect hears messages alone");
}

#[test]
fn under_load_and_with_a_store_that_is_slow_everything_is_delivered_once() {
    let world = world().shards(2).start();
    world.backend().adds(GROUP, [1, 2, 3].map(user));
    let [ann, bob] = world.clients([1, 2]);
    let eve = arrives(&world, 3);
    let mut sent = 0;
    for round in 0..40 {
        if round % 7 == 3 {
            world.store().holds();
        }
        for _ in 0..50 {
            ann.send(&to_group(format!("{sent}")));
            bob.send(&to_group(format!("{}", sent + 1)));
            sent += 2;
        }
        world.advance(Duration::from_millis(400));
        world.store().goes_on();
    }
    world.advance(4 * LATE);
    assert_eq!(eve.texts().len(), sent);
    assert_eq!(ann.expects_some::<Group>().len() + bob.expects_some::<Group>().len(), sent);
}

#[test]
fn a_store_that_answers_no_question_holds_back_no_commit() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    world.store().hangs();
    world.advance(LATE);
    for number in 0..10 {
        ann.send(&private(bob.user(), format!("{number}")));
        assert_eq!(bob.expects::<Private>().message.content, format!("{number}"));
        world.advance(LATE);
    }
}
