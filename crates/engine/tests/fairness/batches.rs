//! A batch costs one encoding for each dialect and one push for each shard, however many hear it.

use std::sync::Arc;

use tidings_engine::{Dialect, SendRequest};
use tidings_wire::{Audience, Sender, UserId};

use crate::harness::{Node, notes};

/// As many users as an audience may list.
const USERS: u32 = 10_000;

/// Users who speak `tidings.v1`.
const OF_V1: u32 = 200;

const SHARDS: u16 = 2;

#[test]
fn a_message_to_ten_thousand_is_encoded_once_for_each_dialect_and_pushed_once_to_each_shard() {
    let mut node = Node::with(|settings| settings.shards = SHARDS);
    let mut all = Vec::new();
    for user in 0..USERS {
        let dialect = if user < OF_V1 { Dialect::V1 } else { Dialect::Guide };
        let at = node.open_speaking(user as usize % usize::from(SHARDS), user, dialect);
        if dialect == Dialect::V1 {
            // It is welcomed by what a store's thread reads.
            node.runs_until_written(at, "\"resumed\"");
        }
        all.push(at);
    }
    node.settle();
    all.iter().for_each(|&at| drop(node.take(at)));

    let posts = node.simulation.posts();
    // Nobody takes anything: all that is encoded is there at the same time, so that no two frames are at the same place.
    node.wires.iter_mut().for_each(|wires| wires.holds_all = true);
    let users: Arc<[UserId]> = (0..USERS).map(UserId::new).collect();
    let (sender, body) = (Sender::service("app".into(), None), r#"{"type":"broadcast","note":7}"#);
    let audience = Some(Audience::users(users));
    let mut call = node.simulation.send(SendRequest { sender, body: body.into(), key: None, audience });
    assert!(matches!(node.poll(&mut call), Some(Ok(_))), "it is handed over");
    node.settle();
    assert_eq!(node.simulation.posts() - posts, usize::from(SHARDS), "one push for each shard");
    let offered: usize = node.wires.iter().map(|wires| wires.offers).sum();
    assert_eq!(offered, all.len(), "everybody is offered it once");
    let mut frames: Vec<_> = node.wires.iter().flat_map(|wires| wires.offered.iter().copied()).collect();
    frames.sort_unstable();
    frames.dedup();
    assert_eq!(frames.len(), 2, "one frame for each dialect, shared by all");

    node.wires.iter_mut().for_each(|wires| wires.holds_all = false);
    all.iter().for_each(|at| node.simulation.shard(at.shard).writable(at.slot));
    node.settle();
    for &at in &all {
        assert_eq!(notes(&node.take(at).unwrap_or_default()), [7]);
    }
}
