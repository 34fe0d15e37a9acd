//! Floods of those whom nobody holds: kept messages, calls, other shards.

use tidings_engine::SendRequest;
use tidings_wire::{Sender, UserId};

use crate::harness::{At, Node, PATIENCE, notes, seqs, to_group};

/// More than one turn puts into outboxes.
const MEMBERS: u32 = 2_000;

/// What a flood is of: more than any queue of a shard holds where a test says so.
const FLOOD: u32 = 1_100;

/// Of a mailbox that is full of a flood.
const FULL: usize = 64;

/// That, and one that takes all of it.
const MAILBOXES: [usize; 2] = [FULL, 16_384];

/// The most rounds that a poke, and an order, take while the flood goes on.
fn worst_meanwhile(node: &mut Node, ann: At, bob: At) -> usize {
    let mut worst = 0;
    for _ in 0..50 {
        node.reads(ann, [r#"{"type":"poke","to":9002}"#]);
        worst = worst.max(node.rounds_until_written(bob));
        node.take(bob);
        let mut asked = node.simulation.connections(UserId::new(9_002));
        assert_eq!(node.poll(&mut asked), None, "it is asked of the shards");
        let rounds = (1..=1_000).find(|_| {
            node.round();
            node.poll(&mut asked).is_some()
        });
        worst = worst.max(rounds.expect("the shards answer"));
    }
    assert!(node.most_sends <= node.flush_budget, "a round in which {} connections were written to", node.most_sends);
    worst
}

/// What the last member has heard so far: not all, or nothing was shown.
fn meanwhile(node: &mut Node, members: &[At], numbers: impl Fn(&str) -> Vec<u32>) -> Vec<u32> {
    let last = members[members.len() - 1];
    node.writes_all(last.shard);
    let heard = numbers(&node.take(last).unwrap_or_default());
    assert!(heard.len() < FLOOD as usize, "the flood was over before the last poke, so nothing was shown");
    heard
}

#[test]
fn a_message_for_one_passes_a_flood_of_kept_messages() {
    for mailbox in MAILBOXES {
        let mut node = Node::with(|settings| {
            settings.mailbox_publications = mailbox;
            settings.sends_under_way = 2_000;
        });
        let members = node.open_group(5, 0..MEMBERS);
        let [ann, bob] = [node.open(9_001), node.open(9_002)];
        let flood = to_group("chat", 5, FLOOD);
        node.reads(members[0], flood.iter().map(String::as_str));
        node.runs_until_fanning_out(0);
        let worst = worst_meanwhile(&mut node, ann, bob);
        assert!(worst <= 2, "{worst} rounds with mailboxes of {mailbox}");
        let mut heard = meanwhile(&mut node, &members, seqs);
        if mailbox == FULL {
            // Nothing is lost where there was no room.
            let last = members[members.len() - 1];
            node.runs_until_heard(last, FLOOD as usize - heard.len());
            heard.extend(seqs(&node.take(last).unwrap_or_default()));
            assert_eq!(heard.len(), FLOOD as usize);
        }
        assert!((1..=FLOOD).collect::<Vec<_>>().starts_with(&heard), "{heard:?}");
    }
}

#[test]
fn a_message_for_one_passes_a_flood_of_calls() {
    for (mailbox, kind) in MAILBOXES.into_iter().flat_map(|mailbox| [(mailbox, "chat"), (mailbox, "shout")]) {
        let mut node = Node::with(|settings| settings.mailbox_publications = mailbox);
        let members = node.open_group(5, 0..MEMBERS);
        let [ann, bob] = [node.open(9_001), node.open(9_002)];
        let call = |node: &Node, body: String| {
            let sender = Sender::user_only(UserId::new(0));
            node.simulation.send(SendRequest { sender, body: body.into(), key: None, audience: None })
        };
        let mut calls: Vec<_> = to_group(kind, 5, FLOOD).into_iter().map(|body| call(&node, body)).collect();
        // Not kept, a call is answered at once: it is handed over, or refused where there is no room.
        let taken = calls.iter_mut().filter_map(|call| node.poll(call)).filter(Result::is_ok).count();
        node.runs_until_fanning_out(0);
        let mut another = call(&node, r#"{"type":"goal","note":1}"#.to_owned());
        let refused = matches!(node.poll(&mut another), Some(Err(_)));
        assert_eq!(refused, mailbox == FULL, "what waits in lanes counts as in the mailbox, {kind}");
        let worst = worst_meanwhile(&mut node, ann, bob);
        assert!(worst <= 2, "{worst} rounds with mailboxes of {mailbox}, {kind}");
        let heard = meanwhile(&mut node, &members, notes);
        assert!((0..FLOOD).collect::<Vec<_>>().starts_with(&heard), "{heard:?}");
        assert_eq!(taken, if kind == "chat" { 0 } else { mailbox.min(FLOOD as usize) });
    }
}

#[test]
fn a_message_for_one_passes_a_flood_from_another_shard() {
    for mailbox in MAILBOXES {
        let mut node = Node::with(|settings| {
            settings.shards = 2;
            settings.mailbox_publications = mailbox;
        });
        let watchers: Vec<At> = (0..MEMBERS).map(|user| node.open_on(1, user)).collect();
        watchers.iter().for_each(|&at| node.watches(at));
        let senders: Vec<At> = (10_000..10_000 + FLOOD).map(|user| node.open(user)).collect();
        let [ann, bob] = [node.open_on(1, 9_001), node.open_on(1, 9_002)];
        senders.iter().for_each(|&sender| node.reads(sender, [r#"{"type":"goal","note":1}"#]));
        node.runs_until_fanning_out(1);
        let worst = worst_meanwhile(&mut node, ann, bob);
        assert!(worst <= 2, "{worst} rounds with mailboxes of {mailbox}");
        let heard = meanwhile(&mut node, &watchers, notes).len();
        if mailbox == FULL {
            node.settle();
            let rest = notes(&node.take(watchers[watchers.len() - 1]).expect("there was a rest")).len();
            assert_eq!(heard + rest, FLOOD as usize);
        }
    }
}

#[test]
fn every_member_hears_a_kept_conversation_whose_group_is_larger_than_a_turn_in_order() {
    let mut node = Node::with(|settings| settings.shards = 2);
    let mut members = node.open_group_on(0, 5, 0..2_000);
    members.extend(node.open_group_on(1, 5, 2_000..4_000));
    let flood = to_group("chat", 5, 15);
    for sender in [0, 7, 3_999] {
        node.reads(members[sender], flood.iter().map(String::as_str));
    }
    let listeners = members.iter().enumerate().filter(|(user, _)| ![0, 7, 3_999].contains(user));
    let listeners: Vec<At> = listeners.map(|(_, &at)| at).collect();
    node.runs_until_fanning_out(0);
    for &at in &listeners {
        node.runs_until_heard(at, 45);
        assert_eq!(seqs(&node.take(at).unwrap_or_default()), (1..=45).collect::<Vec<_>>(), "{at:?}");
    }
    node.settle();
    for sender in [0, 7, 3_999] {
        let heard = seqs(&node.take(members[sender]).unwrap_or_default());
        assert!(heard.len() == 30 && heard.is_sorted(), "all but their own: {heard:?}");
    }
}

#[test]
fn who_keeps_messages_in_a_large_group_is_held_by_its_own_fan_out() {
    let mut node = Node::with(|settings| settings.sends_under_way = 2);
    let members = node.open_group(5, 0..MEMBERS);
    let bob = node.open(9_002);
    let mut packet = to_group("chat", 5, 20);
    packet.push(r#"{"type":"poke","to":9002}"#.to_owned());
    node.reads(members[0], packet.iter().map(String::as_str));
    node.runs_until_fanning_out(0);
    while !node.wrote_to(bob) {
        assert!(node.round() || node.simulation.wait(PATIENCE), "bob never hears of it");
    }
    node.writes_all(0);
    // Two may be under way when the poke behind them is taken up.
    let heard = seqs(&node.take(members[MEMBERS as usize - 1]).unwrap_or_default());
    assert!(heard.len() >= 18, "it sent on before {heard:?} had been heard by all");
}
