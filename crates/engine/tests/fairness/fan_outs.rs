//! Messages for many, beside messages for few and beside one another.

use tidings_engine::shard::Slot;

use crate::harness::{Node, notes, topic};

/// More than one turn puts into outboxes.
const MEMBERS: u32 = 5_000;

/// `count` messages to a group, numbered.
fn shouts(group: u32, count: u32) -> Vec<String> {
    (0..count).map(|note| format!(r#"{{"type":"shout","group":{group},"note":{note}}}"#)).collect()
}

fn read_all(node: &mut Node, slot: Slot, messages: &[String]) {
    node.reads(slot, messages.iter().map(String::as_str));
}

/// Rounds until nothing is left to do.
fn settle(node: &mut Node) {
    let rounds = (0..1_000_000).find(|_| !node.round());
    assert!(rounds.is_some(), "it never comes to rest");
}

#[test]
fn a_message_for_one_passes_a_flood_for_thousands_within_two_turns() {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    let [ann, bob] = [node.open(9_001), node.open(9_002)];
    read_all(&mut node, members[0], &shouts(5, 30));
    let mut worst = 0;
    for _ in 0..200 {
        node.reads(ann, [r#"{"type":"poke","to":9002}"#]);
        let rounds = (1..=1_000).find(|_| {
            node.round();
            node.take(bob).is_some()
        });
        worst = worst.max(rounds.expect("bob hears of it"));
        // The flood goes on all the while.
        assert!(node.simulation.shard(0).is_fanning_out() || node.round());
    }
    assert!(worst <= 2, "{worst} rounds");
    settle(&mut node);
    let heard = node.take(members[MEMBERS as usize - 1]).expect("the last member hears");
    assert_eq!(notes(&heard), (0..30).collect::<Vec<_>>());
}

#[test]
fn every_member_hears_every_message_once_in_the_order_of_its_sender() {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    for sender in [0, 7] {
        read_all(&mut node, members[sender], &shouts(5, 20));
    }
    // What this sender says to one is not held up for ever by what they said to many, nor overtakes it.
    node.reads(members[0], [r#"{"type":"poke","to":3,"note":99}"#]);
    settle(&mut node);
    for (user, &slot) in members.iter().enumerate() {
        let heard = node.take(slot).unwrap_or_default();
        let of = |sender: u32| {
            let from = format!("\"from\":{sender},");
            let frames = heard.split("{\"type\":").filter(|frame| frame.contains(&from)).collect::<Vec<_>>();
            notes(&frames.concat())
        };
        let mut expected: Vec<u32> = (0..20).collect();
        assert_eq!(of(7), if user == 7 { vec![] } else { expected.clone() }, "user {user}");
        expected.extend((user == 3).then_some(99));
        assert_eq!(of(0), if user == 0 { vec![] } else { expected }, "user {user}");
    }
}

#[test]
fn a_smaller_group_does_not_wait_for_a_larger_one() {
    let mut node = Node::start();
    let large = node.open_group(5, 0..MEMBERS);
    let small = node.open_group(6, 10_000..10_100);
    read_all(&mut node, large[0], &shouts(5, 1));
    // The large one has begun: it takes some rounds.
    node.round();
    node.reads(small[0], [r#"{"type":"shout","group":6,"note":1}"#]);
    for _ in 0..200 {
        node.round();
        if small[1..].iter().all(|&slot| node.wrote_to(slot)) {
            assert!(
                !large.iter().skip(1).all(|&slot| node.wrote_to(slot)),
                "the large one is done, so nothing was shown"
            );
            return;
        }
    }
    panic!("the small group has not heard it");
}

#[test]
fn watchers_of_a_topic_hear_in_order_too() {
    let mut node = Node::start();
    let watchers: Vec<Slot> = (0..3_000).map(|user| node.open(user)).collect();
    for &watcher in &watchers {
        node.simulation.shard(0).watch(watcher, topic(), true);
    }
    let goals: Vec<String> = (0..5).map(|note| format!(r#"{{"type":"goal","note":{note}}}"#)).collect();
    read_all(&mut node, watchers[0], &goals);
    settle(&mut node);
    for &watcher in &watchers[1..] {
        assert_eq!(notes(&node.take(watcher).unwrap_or_default()), [0, 1, 2, 3, 4]);
    }
    assert_eq!(node.take(watchers[0]), None, "not their own");
}

#[test]
fn those_who_leave_or_come_meanwhile_disturb_nobody() {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    read_all(&mut node, members[0], &shouts(5, 3));
    while !node.simulation.shard(0).is_fanning_out() {
        assert!(node.round(), "it never began");
    }
    node.round();
    // The sender goes, and every other of those who have not heard yet; strangers come into their places.
    let gone: Vec<usize> = (0..members.len()).filter(|at| at % 2 == 0 && !node.wrote_to(members[*at])).collect();
    node.simulation.shard(0).gone(members[0]);
    gone.iter().for_each(|&at| node.simulation.shard(0).gone(members[at]));
    node.round();
    let strangers: Vec<Slot> = (0..gone.len() as u32).map(|user| node.open(20_000 + user)).collect();
    settle(&mut node);
    for (at, &slot) in members.iter().enumerate().skip(1).filter(|(at, _)| at % 2 == 1) {
        let heard = notes(&node.take(slot).unwrap_or_default());
        assert!([0, 1, 2].starts_with(&heard) && !heard.is_empty(), "{at}: {heard:?}");
    }
    assert!(strangers.iter().all(|&slot| !node.wrote_to(slot)), "a stranger heard the group");
    assert!(!node.simulation.shard(0).is_fanning_out());
}

#[test]
fn a_member_who_reads_nothing_holds_nobody_up() {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    node.wires[0].blocked.push(members[9]);
    read_all(&mut node, members[0], &shouts(5, 3));
    settle(&mut node);
    for &slot in members.iter().skip(1).filter(|slot| **slot != members[9]) {
        assert_eq!(notes(&node.take(slot).unwrap_or_default()), [0, 1, 2]);
    }
}
