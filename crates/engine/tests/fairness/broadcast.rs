//! Broadcasts beside talk among few.

use crate::harness::{At, Node};

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
