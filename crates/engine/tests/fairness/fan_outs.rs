//! Messages for many, beside messages for few and beside one another.

use tidings_engine::SendRequest;
use tidings_wire::{Audience, Sender, UserId};

use crate::harness::{At, Node, notes, to_group};

/// More than one turn puts into outboxes.
const MEMBERS: u32 = 5_000;

/// Messages of one sender that take more turns than the pokes beside them.
const FLOOD: u32 = 60;

fn read_all(node: &mut Node, at: At, messages: &[String]) {
    node.reads(at, messages.iter().map(String::as_str));
}

fn shouts(group: u32, count: u32) -> Vec<String> {
    to_group("shout", group, count)
}

#[test]
fn a_message_for_one_passes_a_flood_for_thousands_within_two_turns() {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    let [ann, bob] = [node.open(9_001), node.open(9_002)];
    read_all(&mut node, members[0], &shouts(5, FLOOD));
    let mut worst = 0;
    for _ in 0..100 {
        node.reads(ann, [r#"{"type":"poke","to":9002}"#]);
        worst = worst.max(node.rounds_until_written(bob));
        node.take(bob);
    }
    assert!(worst <= 2, "{worst} rounds");
    let last = members[MEMBERS as usize - 1];
    node.writes_all(0);
    let meanwhile = notes(&node.take(last).unwrap_or_default());
    assert!(meanwhile.len() < FLOOD as usize, "the flood was over before the last poke, so nothing was shown");
    node.settle();
    let rest = notes(&node.take(last).expect("the last member hears"));
    assert_eq!([meanwhile, rest].concat(), (0..FLOOD).collect::<Vec<_>>());
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
    node.settle();
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
    let watchers: Vec<At> = (0..3_000).map(|user| node.open(user)).collect();
    for &watcher in &watchers {
        node.watches(watcher);
    }
    let goals: Vec<String> = (0..5).map(|note| format!(r#"{{"type":"goal","note":{note}}}"#)).collect();
    read_all(&mut node, watchers[0], &goals);
    node.settle();
    for &watcher in &watchers[1..] {
        assert_eq!(notes(&node.take(watcher).unwrap_or_default()), [0, 1, 2, 3, 4]);
    }
    assert_eq!(node.take(watchers[0]), None, "not their own");
}

#[test]
fn who_comes_into_the_place_of_a_watcher_hears_nothing_of_what_waits() {
    let mut node = Node::start();
    let watchers: Vec<At> = (0..3_000).map(|user| node.open(user)).collect();
    watchers.iter().for_each(|&at| node.watches(at));
    node.reads(watchers[0], [r#"{"type":"goal","note":0}"#]);
    node.round();
    assert!(node.is_fanning_out(0), "nothing waits");
    // The last have their turn last. Their places are given out again.
    watchers[2_900..].iter().for_each(|&at| node.hangs_up(at));
    node.writes_all(0);
    let strangers: Vec<At> = (0..100).map(|user| node.open(20_000 + user)).collect();
    let places = |all: &[At]| {
        let mut places: Vec<u32> = all.iter().map(|at| at.slot.index).collect();
        places.sort_unstable();
        places
    };
    assert_eq!(places(&strangers), places(&watchers[2_900..]));
    assert!(node.is_fanning_out(0), "it is over, so nothing was shown");
    node.settle();
    assert!(strangers.iter().all(|&at| !node.wrote_to(at)), "a stranger heard it");
    assert!(watchers[1..2_900].iter().all(|&at| node.wrote_to(at)));
}

#[test]
fn users_of_other_shards_cost_a_message_for_many_its_share_of_the_turn() {
    let mut node = Node::with(|settings| settings.shards = 2);
    let here: Vec<At> = (0..2).map(|user| node.open(user)).collect();
    let elsewhere: Vec<At> = (2..20_000).map(|user| node.open_on(1, user)).collect();
    let all = Audience::everyone().less_user(UserId::new(30_000));
    let sender = Sender::user_only(UserId::new(30_001));
    let body = r#"{"type":"goal","note":0}"#.into();
    let mut call = node.simulation.send(SendRequest { sender, body, key: None, audience: Some(all) });
    let taken = node.poll(&mut call);
    assert!(matches!(taken, Some(Ok(_))), "{taken:?}");
    node.round();
    assert!(node.is_fanning_out(0), "all were looked up in one turn");
    node.settle();
    assert!(here.iter().chain(&elsewhere).all(|&at| node.wrote_to(at)));
}

#[test]
fn those_who_leave_or_come_meanwhile_disturb_nobody() {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    read_all(&mut node, members[0], &shouts(5, 3));
    while !node.is_fanning_out(0) {
        assert!(node.round(), "it never began");
    }
    node.round();
    // The sender goes, and every other of those who have not heard yet; strangers come into their places.
    let gone: Vec<usize> = (0..members.len()).filter(|at| at % 2 == 0 && !node.wrote_to(members[*at])).collect();
    node.hangs_up(members[0]);
    gone.iter().for_each(|&at| node.hangs_up(members[at]));
    node.round();
    let strangers: Vec<At> = (0..gone.len() as u32).map(|user| node.open(20_000 + user)).collect();
    node.settle();
    for (at, &slot) in members.iter().enumerate().skip(1).filter(|(at, _)| at % 2 == 1) {
        let heard = notes(&node.take(slot).unwrap_or_default());
        assert!([0, 1, 2].starts_with(&heard) && !heard.is_empty(), "{at}: {heard:?}");
    }
    assert!(strangers.iter().all(|&slot| !node.wrote_to(slot)), "a stranger heard the group");
    assert!(!node.is_fanning_out(0));
}

#[test]
fn a_member_who_reads_nothing_holds_nobody_up() {
    let mut node = Node::start();
    let members = node.open_group(5, 0..MEMBERS);
    node.wires[0].blocked.push(members[9].slot);
    read_all(&mut node, members[0], &shouts(5, 3));
    node.settle();
    for &slot in members.iter().skip(1).filter(|at| **at != members[9]) {
        assert_eq!(notes(&node.take(slot).unwrap_or_default()), [0, 1, 2]);
    }
}
