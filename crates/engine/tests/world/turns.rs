//! Whose turn it is when much happens at once.

use crate::messages::{Broadcast, Poke, Private, broadcast, poke, private, user, world};

#[test]
fn the_messages_of_one_packet_are_taken_in_order() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_all((0..500).map(|number| Poke { to: bob.user(), note: number.to_string() }));
    let heard = bob.expects_some::<Poke>();
    assert_eq!(heard.len(), 500);
    assert!(heard.iter().enumerate().all(|(number, got)| got.note == number.to_string()));
}

#[test]
fn a_refusal_stands_where_its_message_stood() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.send(&broadcast("one"));
    ann.sends_text("nonsense");
    ann.send(&broadcast("two"));
    assert_eq!(ann.expects::<Broadcast>().content, "one");
    ann.expects_error(tidings_wire::Code::BadJson);
    assert_eq!(ann.expects::<Broadcast>().content, "two");
}

#[test]
fn seqs_of_a_stream_arrive_in_order_whoever_sends() {
    let world = world().shards(2).start();
    let pairs = [(1, 2), (2, 1), (1, 2), (2, 1)].map(|(from, to)| (world.client(user(from)), user(to)));
    let reader = world.client(user(1));
    world.holding(|| {
        for (client, to) in &pairs {
            client.sends_all((0..80).map(|number| private(*to, number.to_string())));
        }
    });
    let heard = reader.expects_some::<Private>();
    let seqs: Vec<_> = heard.iter().filter_map(|got| got.seq).collect();
    assert_eq!(seqs, (1..=320).collect::<Vec<_>>());
}

#[test]
fn more_readers_than_one_flush_takes_all_hear() {
    let world = world().settings(|settings| settings.flush_budget = 3).start();
    let clients: Vec<_> = (0..100).map(|id| world.client(user(id))).collect();
    clients[0].send(&broadcast("hi"));
    clients[0].sends_all((1..100).map(|id| poke(user(id))));
    for (number, client) in clients.iter().enumerate() {
        client.expects::<Broadcast>();
        assert_eq!(client.expects_some::<Poke>().len(), usize::from(number != 0));
    }
}
