//! Readers that do not keep up: bounded memory, an end with 4409, and nobody else hindered.

use std::time::Duration;

use tidings_wire::CloseCode;

use crate::messages::{Broadcast, Poke, broadcast, user, world};

fn long(number: u32) -> Poke {
    Poke { to: user(2), note: format!("{number}{}", "x".repeat(1_000)) }
}

#[test]
fn one_that_stops_is_closed_at_its_bound_and_the_frame_that_had_begun_is_finished_first() {
    let world = world().socket_bytes(10_300).settings(|settings| settings.outbox_bytes = 50_000).start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    bob.stops_reading();
    for number in 0..200 {
        ann.send(&long(number));
        ann.send(&Poke { to: eve.user(), note: String::new() });
    }
    assert!(!world.is_online(bob.user()), "it hears nothing more");
    bob.reads_on();
    let heard = bob.expects_some::<Poke>();
    assert!((9..12).contains(&heard.len()), "{}", heard.len());
    assert!(heard.iter().zip(0..).all(|(got, number)| got.message == long(number)), "a prefix without a hole");
    bob.expects_close(CloseCode::SlowReader);
    assert!(bob.is_gone());
    assert_eq!(eve.expects_some::<Poke>().len(), 200);
    ann.expects_nothing();
}

#[test]
fn one_that_never_reads_again_is_cut_off() {
    let world = world().settings(|settings| settings.outbox_bytes = 50_000).socket_bytes(1_000).start();
    let [ann, bob] = world.clients([1, 2]);
    bob.stops_reading();
    (0..100).for_each(|number| ann.send(&long(number)));
    assert_eq!(world.connections_on(0), 2);
    world.advance(Duration::from_secs(11));
    assert_eq!(world.connections_on(0), 1);
    assert!(ann.is_open());
}

#[test]
fn one_that_pauses_within_the_bound_misses_nothing() {
    let world = world().socket_bytes(1_000).start();
    let [ann, bob] = world.clients([1, 2]);
    for round in 0..5 {
        bob.stops_reading();
        (0..100).for_each(|number| ann.send(&long(round * 100 + number)));
        (0..20).for_each(|number| ann.send(&broadcast(format!("{number}"))));
        bob.reads_on();
        for number in 0..100 {
            assert_eq!(bob.expects::<Poke>().message, long(round * 100 + number));
        }
        assert_eq!(bob.expects_some::<Broadcast>().len(), 20);
    }
    bob.expects_nothing();
}

#[test]
fn a_storm_of_broadcasts_ends_stalled_readers_and_the_others_get_every_one() {
    const STORM: u32 = 1_000;
    for shards in [1, 2] {
        let world = world()
            .shards(shards)
            .settings(|settings| {
                settings.everyone_log_bytes = 128 * 1024;
                settings.outbox_bytes = 64 * 1024;
            })
            .socket_bytes(16 * 1024)
            .start();
        let [ann] = world.clients([1]);
        let readers: Vec<_> = (10..40).map(|id| world.client(user(id))).collect();
        let stalled: Vec<_> = (100..150).map(|id| world.client(user(id))).collect();
        stalled.iter().for_each(|client| client.stops_reading());
        for number in 0..STORM {
            ann.send(&broadcast(format!("{number} {}", "y".repeat(400))));
        }
        for reader in readers.iter().chain([&ann]) {
            let heard = reader.expects_some::<Broadcast>();
            assert_eq!(heard.len() as u32, STORM);
            assert!(heard.iter().zip(0_u32..).all(|(got, number)| got.content.starts_with(&format!("{number} "))));
            reader.expects_nothing();
        }
        for client in &stalled {
            assert!(!world.is_online(client.user()));
            client.reads_on();
            let heard = client.expects_some::<Broadcast>();
            assert!(heard.iter().zip(0_u32..).all(|(got, number)| got.content.starts_with(&format!("{number} "))));
            client.expects_close(CloseCode::SlowReader);
            assert!(client.is_gone());
        }
        let left: usize = (0..usize::from(shards)).map(|shard| world.connections_on(shard)).sum();
        assert_eq!(left, readers.len() + 1);
    }
}

#[test]
fn a_storm_in_one_packet_is_delivered_whole() {
    let world = world().start();
    let clients = world.clients([1, 2, 3]);
    clients[0].sends_all((0..2_000_u32).map(|number| broadcast(number.to_string())));
    for client in &clients {
        let heard = client.expects_some::<Broadcast>();
        assert!(heard.iter().zip(0_u32..).all(|(got, number)| got.content == number.to_string()));
        assert_eq!(heard.len(), 2_000);
    }
}

#[test]
fn one_who_asks_much_and_reads_nothing_is_closed_too() {
    let world = world().socket_bytes(1_000).settings(|settings| settings.outbox_bytes = 20_000).start();
    let [ann] = world.clients([1]);
    ann.stops_reading();
    for _ in 0..2_000 {
        ann.sends_text("nonsense");
    }
    assert!(!world.is_online(ann.user()));
    ann.reads_on();
    while ann.is_open() {
        world.run();
    }
    assert!(ann.is_gone());
}
