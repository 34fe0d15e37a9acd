//! From shard to shard, where there is no room.

use crate::harness::{At, Node, notes, to_group};

/// More than a shard hands over at once.
const SENDERS: u32 = 1_100;

fn poke(to: u32, note: u32) -> String {
    format!(r#"{{"type":"poke","to":{to},"note":{note}}}"#)
}

#[test]
fn a_sender_whose_message_was_taken_before_the_room_was_told_sends_on() {
    let mut node = Node::with(|settings| {
        settings.shards = 2;
        settings.mailbox_publications = 1;
    });
    let reader = node.open_on(1, 9);
    let [first, second] = [node.open(1), node.open(2)];
    node.reads(first, [poke(9, 0).as_str()]);
    node.reads(second, [poke(9, 1).as_str()]);
    // The second finds no room; then there is, which the first shard is told of in the next round.
    node.round();
    node.reads(second, [poke(9, 2).as_str()]);
    // Before that it hands over what waited.
    node.simulation.shard(0).end_turn();
    node.settle();
    assert_eq!(notes(&node.take(reader).unwrap_or_default()), [0, 1, 2]);
}

#[test]
fn more_messages_than_are_handed_over_at_once_cross_in_order_though_there_is_room_for_few() {
    for mailbox in [16, 1_024, 16_384] {
        let mut node = Node::with(|settings| {
            settings.shards = 2;
            settings.mailbox_publications = mailbox;
        });
        let reader = node.open_on(1, 9);
        let senders: Vec<At> = (0..SENDERS).map(|user| node.open(100 + user)).collect();
        for (number, &sender) in (0..).zip(&senders) {
            let both = [poke(9, 2 * number), poke(9, 2 * number + 1)];
            node.reads(sender, both.iter().map(String::as_str));
        }
        // Whoever is parked is held, and sends on later.
        for (number, &sender) in (0..).zip(&senders) {
            node.reads(sender, [poke(9, 2 * SENDERS + number).as_str()]);
        }
        node.settle();
        let heard = notes(&node.take(reader).unwrap_or_default());
        assert_eq!(heard.len(), 3 * SENDERS as usize, "mailboxes of {mailbox}");
        for number in 0..SENDERS {
            let own = [2 * number, 2 * number + 1, 2 * SENDERS + number];
            let of_sender: Vec<u32> = heard.iter().copied().filter(|note| own.contains(note)).collect();
            assert_eq!(of_sender, own, "mailboxes of {mailbox}");
        }
    }
}

#[test]
fn a_fan_out_that_waits_on_another_shard_keeps_the_order_of_its_sender_and_lets_it_go() {
    for mailbox in [1, 4, 16_384] {
        let mut node = Node::with(|settings| {
            settings.shards = 2;
            settings.mailbox_publications = mailbox;
        });
        let members = node.open_group_on(1, 5, 0..3_000);
        let sender = node.open(9_001);
        node.joins(5, 9_001);
        let [ann, bob] = [node.open(9_002), node.open(9_003)];
        let mut packet = to_group("shout", 5, 20);
        packet.push(poke(2_999, 20));
        node.reads(sender, packet.iter().map(String::as_str));
        while !node.is_fanning_out(1) {
            assert!(node.round(), "it never began");
        }
        node.reads(ann, [poke(9_003, 1).as_str()]);
        let rounds = node.rounds_until_written(bob);
        assert!(rounds <= 2, "{rounds} rounds on the sender's shard, with mailboxes of {mailbox}");
        assert!(node.is_fanning_out(1), "it is over, so nothing was shown");
        node.settle();
        node.reads(sender, [poke(2_999, 21).as_str()]);
        node.settle();
        for (user, &at) in (0..).zip(&members) {
            let expected = if user == 2_999 { 0..22 } else { 0..20 };
            let heard = notes(&node.take(at).unwrap_or_default());
            assert_eq!(heard, expected.collect::<Vec<_>>(), "user {user}, mailboxes of {mailbox}");
        }
    }
}
