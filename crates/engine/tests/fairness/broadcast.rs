//! Broadcasts beside talk among few.

use tidings_engine::SendRequest;
use tidings_wire::{Sender, UserId};

use crate::harness::{At, Node, notes};

#[test]
fn a_broadcast_reaches_an_idle_reader_while_more_than_a_flush_of_others_talk() {
    let mut node = Node::start();
    let talkers = 4 * node.flush_budget as u32;
    let busy: Vec<At> = (0..talkers).map(|user| node.open(user)).collect();
    let idle = node.open(1_000);
    // Pairs: each answers a poke with a poke, for ever.
    let pokes = |node: &mut Node, user: u32| {
        let poke = format!(r#"{{"type":"poke","to":{}}}"#, user ^ 1);
        node.reads(busy[user as usize], [poke.as_str()]);
    };
    (0..talkers).for_each(|user| pokes(&mut node, user));
    node.reads(busy[0], [r#"{"type":"broadcast"}"#]);
    for _ in 0..1_000 {
        node.round();
        if node.wrote_to(idle) {
            return;
        }
        for user in 0..talkers {
            if node.take(busy[user as usize]).is_some() {
                pokes(&mut node, user);
            }
        }
    }
    panic!("a thousand rounds, and the idle reader has not heard the broadcast");
}

#[test]
fn broadcasts_that_wait_behind_a_message_for_many_are_heard_though_the_log_takes_few_at_once() {
    let mut node = Node::with(|settings| settings.everyone_log_bytes = 1_024);
    let all: Vec<At> = (0..2_000).map(|user| node.open(user)).collect();
    all.iter().for_each(|&at| node.watches(at));
    let goal = r#"{"type":"goal","note":0}"#.to_owned();
    let broadcasts = (1..100).map(|note| format!(r#"{{"type":"broadcast","note":{note}}}"#));
    for body in std::iter::once(goal).chain(broadcasts) {
        let sender = Sender::user_only(UserId::new(9_001));
        let request = SendRequest { sender, body: body.into(), key: None, audience: None };
        let mut call = node.simulation.send(request);
        assert!(matches!(node.poll(&mut call), Some(Ok(_))), "it is handed over");
    }
    node.round();
    assert!(node.is_fanning_out(0) && !node.simulation.shard(0).is_crowded(), "they wait in a lane");
    node.settle();
    let most = node.wires[0].largest_send;
    assert!(most < 1_024, "{most} bytes of broadcasts at once");
    for &at in &all {
        assert_eq!(notes(&node.take(at).unwrap_or_default()), (0..100).collect::<Vec<_>>());
    }
}
