//! Resuming: whatever was missed, once, in order.

use serde_json::json;
use tidings_testkit::{Client, Hold};
use tidings_wire::GroupId;

use crate::world::{builder, connect, expects_type, frames, log, note, resume, says, user, world};

fn numbered(range: std::ops::RangeInclusive<u64>) -> Vec<(u64, String)> {
    range.map(|seq| (seq, seq.to_string())).collect()
}

/// Ann writes these numbers to Bob.
fn write(ann: &Client, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        says(ann, &note(2, &number.to_string()));
    }
    frames(ann);
}

#[test]
fn what_was_missed_comes_once_in_order_and_then_what_is_new() {
    let world = world();
    let ann = connect(&world, 1);
    write(&ann, 1..=250);
    let bob = resume(&world, 2, &json!({"dm:1:2": 41}));
    let missed = frames(&bob);
    assert_eq!(log(&missed), numbered(42..=250));
    let (last, replayed) = missed.split_last().unwrap();
    assert_eq!(*last, json!({"type": "resumed", "ref": 1, "behind": []}));
    assert!(replayed.iter().all(|frame| frame["replayed"] == true));
    write(&ann, 251..=251);
    let live = frames(&bob);
    assert_eq!(log(&live), numbered(251..=251));
    assert!(live[0].get("replayed").is_none());
}

#[test]
fn what_is_committed_during_the_replay_comes_in_its_place() {
    for hold in [Hold::Readings, Hold::Answers] {
        let world = world();
        let ann = connect(&world, 1);
        write(&ann, 1..=10);
        world.store().holds_readings(hold);
        let bob = world.v1(user(2), &json!({"type": "hello", "epoch": "memory", "heads": {"dm:1:2": 5}}));
        write(&ann, 11..=20);
        world.store().holds_readings(Hold::Nothing);
        expects_type(&bob, "welcome");
        assert_eq!(log(&frames(&bob)), numbered(6..=20), "{hold:?}");
    }
}

#[test]
fn other_streams_and_what_is_not_kept_flow_while_a_slow_reader_resumes() {
    let world = builder().settings(|settings| settings.outbox_bytes = 16 * 1024).socket_bytes(1_024).start();
    let [ann, eve] = [1, 3].map(|id| connect(&world, id));
    write(&ann, 1..=90);
    world.store().holds_readings(Hold::Readings);
    let bob = world.v1(user(2), &json!({"type": "hello", "epoch": "memory", "heads": {"dm:1:2": 0}}));
    bob.stops_reading();
    world.store().holds_readings(Hold::Nothing);
    // Half of the outbox is full of what was missed, and the rest of that waits.
    says(&eve, &note(2, "from eve"));
    says(&eve, &json!({"type": "wave", "to": 2}));
    write(&ann, 91..=99);
    bob.reads_on();
    let seen = frames(&bob);
    let at = |wanted: &dyn Fn(&serde_json::Value) -> bool| seen.iter().position(wanted).expect("it came");
    let (waved, resumed) = (at(&|frame| frame["type"] == "wave"), at(&|frame| frame["type"] == "resumed"));
    assert!(waved < resumed && at(&|frame| frame["text"] == "from eve") < resumed, "{waved} {resumed}");
    let missed: Vec<_> = seen.iter().filter(|frame| frame["conversation"] == "dm:1:2").cloned().collect();
    assert_eq!(log(&missed), numbered(1..=99));
}

#[test]
fn a_thousand_frames_are_replayed_and_the_rest_is_named() {
    let world = world();
    let [ann, eve] = [1, 3].map(|id| connect(&world, id));
    says(&eve, &note(2, "old"));
    for chunk in 0..24 {
        write(&ann, chunk * 50 + 1..=chunk * 50 + 50);
    }
    let bob = resume(&world, 2, &json!({"dm:1:2": 0, "dm:2:3": 0}));
    let missed = frames(&bob);
    assert_eq!(log(&missed), numbered(1..=1_000), "the stream touched last goes first");
    let behind = json!([{"conversation": "dm:1:2", "head": 1_200}, {"conversation": "dm:2:3", "head": 1}]);
    assert_eq!(missed.last().unwrap()["behind"], behind);
    write(&ann, 1_201..=1_201);
    says(&eve, &note(2, "new"));
    assert_eq!(log(&frames(&bob)), [(1_201, "1201".to_owned()), (2, "new".to_owned())]);
    says(&bob, &json!({"type": "history", "conversation": "dm:1:2", "after": 1_000, "limit": 100}));
    assert_eq!(expects_type(&bob, "history")["messages"].as_array().unwrap().len(), 100);
}

#[test]
fn another_epoch_or_a_head_above_the_servers_begins_anew() {
    let world = world();
    let ann = connect(&world, 1);
    write(&ann, 1..=3);
    let reset =
        |head: u64| json!({"type": "reset", "conversation": "dm:1:2", "reason": "epoch", "oldest": 1, "head": head});
    let bob = world.v1(user(2), &json!({"type": "hello", "epoch": "another", "heads": {"dm:1:2": 2}}));
    expects_type(&bob, "welcome");
    assert_eq!(bob.expects_json(), reset(3));
    expects_type(&bob, "resumed");
    write(&ann, 4..=4);
    assert_eq!(log(&frames(&bob)), numbered(4..=4), "what comes now is live");
    let bob = resume(&world, 2, &json!({"dm:1:2": 9}));
    assert_eq!(bob.expects_json(), reset(4));
    expects_type(&bob, "resumed");
    let eve = resume(&world, 3, &json!({"dm:1:2": 2, "group:9": 1}));
    for conversation in ["dm:1:2", "group:9"] {
        let nothing = json!({"type": "reset", "conversation": conversation, "reason": "epoch", "oldest": 0, "head": 0});
        assert_eq!(eve.expects_json(), nothing, "who sees nothing of it can't tell whether it exists");
    }
    expects_type(&eve, "resumed");
    eve.expects_nothing();
}

#[test]
fn membership_bounds_what_is_replayed() {
    let world = world();
    let group = GroupId::new(5);
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    let member = |id: u32, is_member| world.backend().set_member(group, user(id), is_member);
    let post = |number: u64| says(&ann, &json!({"type": "post", "group_id": 5, "text": number.to_string()}));
    member(1, true);
    (1..=2).for_each(post);
    member(2, true);
    (3..=4).for_each(post);
    member(2, false);
    (5..=6).for_each(post);
    bob.disconnects();
    let bob = resume(&world, 2, &json!({"group:5": 3}));
    assert_eq!(log(&frames(&bob)), numbered(4..=4), "until Bob left");
    member(2, true);
    (7..=8).for_each(post);
    bob.disconnects();
    let bob = resume(&world, 2, &json!({"group:5": 4}));
    let missed = frames(&bob);
    assert_eq!(missed[0], json!({"type": "skip", "conversation": "group:5", "from": 5, "to": 6}));
    assert_eq!(log(&missed), numbered(7..=8));
}

#[test]
fn ones_own_messages_are_replayed_with_their_keys() {
    let world = world();
    let ann = connect(&world, 1);
    says(&ann, &json!({"type": "note", "key": "k", "to": 2, "text": "mine"}));
    ann.disconnects();
    let [ann, bob] = [1, 2].map(|id| resume(&world, id, &json!({"dm:1:2": 0})));
    assert_eq!(expects_type(&ann, "note")["key"], "k");
    assert!(expects_type(&bob, "note").get("key").is_none());
}

#[test]
fn an_acknowledgement_waits_for_the_replay_of_its_stream() {
    let world = world();
    let [ann, bob] = [1, 2].map(|id| connect(&world, id));
    (1..=5).for_each(|number| says(&bob, &note(1, &number.to_string())));
    ann.disconnects();
    world.store().holds_readings(Hold::Readings);
    let ann = world.v1(user(1), &json!({"type": "hello", "epoch": "memory", "heads": {"dm:1:2": 0}}));
    says(&ann, &json!({"type": "note", "ref": 3, "to": 2, "text": "6"}));
    world.store().holds_readings(Hold::Nothing);
    expects_type(&ann, "welcome");
    let order: Vec<_> =
        frames(&ann).iter().filter(|frame| frame["type"] != "resumed").map(|f| f["seq"].clone()).collect();
    assert_eq!(order, [1, 2, 3, 4, 5, 6, 6].map(|seq| json!(seq)), "its own message is replayed, then acknowledged");
}

#[test]
fn a_stream_that_never_rests_is_caught_all_the_same() {
    let world = world();
    let ann = connect(&world, 1);
    write(&ann, 1..=5);
    world.store().holds_readings(Hold::Answers);
    let bob = world.v1(user(2), &json!({"type": "hello", "epoch": "memory", "heads": {"dm:1:2": 0}}));
    let mut next = 6;
    // Each reading is outrun by a message.
    for _ in 0..30 {
        write(&ann, next..=next);
        next += 1;
        world.store().holds_readings(Hold::Nothing);
        world.store().holds_readings(Hold::Answers);
    }
    world.store().holds_readings(Hold::Nothing);
    expects_type(&bob, "welcome");
    assert_eq!(log(&frames(&bob)), numbered(1..=next - 1));
}
