//! Several shards: nothing a client can tell, and full mailboxes lose nothing.

use std::time::Duration;

use tidings_testkit::Client;
use tidings_wire::CloseCode;

use crate::messages::{Broadcast, GROUP, Group, Poke, Private, Shout, broadcast, poke, private, to_group, user, world};

#[test]
fn messages_cross_shards_in_order() {
    let world = world().shards(3).start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    world.backend().adds(GROUP, [1, 2, 3].map(user));
    for number in 0..50 {
        ann.send(&private(bob.user(), number.to_string()));
        ann.send(&to_group(number.to_string()));
        ann.send(&broadcast(number.to_string()));
        assert_eq!(bob.expects::<Private>().content, number.to_string());
        for client in [&bob, &eve] {
            assert_eq!(client.expects::<Group>().seq, Some(number + 1));
            client.expects::<Broadcast>();
        }
        ann.expects::<Broadcast>();
    }
    [&ann, &bob, &eve].into_iter().for_each(Client::expects_nothing);
}

#[test]
fn a_full_mailbox_parks_the_sender_and_loses_nothing() {
    let world = world().shards(3).settings(|settings| settings.mailbox_publications = 2).start();
    let senders: Vec<_> = (0..4).map(|id| world.client_on(0, user(id))).collect();
    let readers: Vec<_> = [1, 2].map(|shard| world.client_on(shard, user(10 + shard as u32))).into();
    for sender in &senders {
        let messages = (0..100_u32).map(|number| broadcast(format!("{} {number}", sender.user())));
        sender.sends_all(messages);
    }
    for hears in senders.iter().chain(&readers) {
        let heard: Vec<_> = hears.expects_some::<Broadcast>();
        for sender in &senders {
            let from_one = heard.iter().filter(|got| got.from == Some(sender.user()));
            let numbers: Vec<_> = from_one.map(|got| got.message.content.clone()).collect();
            let expected: Vec<_> = (0..100_u32).map(|number| format!("{} {number}", sender.user())).collect();
            assert_eq!(numbers, expected);
        }
        hears.expects_nothing();
    }
}

#[test]
fn what_was_taken_from_a_sender_who_goes_is_still_delivered() {
    let world = world().shards(2).settings(|settings| settings.mailbox_publications = 1).start();
    let reader = world.client_on(1, user(9));
    let senders: Vec<_> = (0..3).map(|id| world.client_on(0, user(id))).collect();
    // All three arrive in one round, so that two are parked; then their senders break off.
    world.holding(|| {
        for sender in &senders {
            sender.send(&poke(reader.user()));
            sender.disconnects();
        }
    });
    assert_eq!(reader.expects_some::<Poke>().len(), 3);
}

#[test]
fn commits_wait_for_room_in_a_mailbox() {
    let world = world().shards(2).settings(|settings| settings.mailbox_publications = 1).start();
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_all((0..150).map(|number| private(bob.user(), number.to_string())));
    let heard = bob.expects_some::<Private>();
    assert_eq!(heard.len(), 150);
    assert!(heard.iter().zip(1..).all(|(got, seq)| got.seq == Some(seq)));
}

#[test]
fn a_user_is_online_while_any_shard_holds_a_connection() {
    let world = world().shards(2).start();
    let (first, second) = (world.client_on(0, user(1)), world.client_on(1, user(1)));
    first.disconnects();
    assert!(world.is_online(user(1)));
    let [ann] = world.clients([2]);
    ann.send(&poke(user(1)));
    second.expects::<Poke>();
    second.closes(1000);
    assert!(!world.is_online(user(1)));
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let play = || {
        let world = world().shards(2).start();
        let clients: Vec<_> = (0..6).map(|id| world.client(user(id % 4))).collect();
        (0..4).for_each(|member| world.backend().set_member(GROUP, user(member), true));
        for (number, client) in clients.iter().enumerate() {
            client.sends_all((0..20).map(|at| private(user(at % 4), format!("{number} {at}"))));
            client.send(&to_group("hi"));
            client.send(&broadcast("hi"));
            world.advance(Duration::from_millis(300));
        }
        world.drains(Duration::ZERO);
        let texts = |client: &Client| {
            let texts = client.texts();
            client.expects_close(CloseCode::Restart);
            texts
        };
        clients.iter().map(texts).collect::<Vec<_>>()
    };
    assert_eq!(play(), play());
}

#[test]
fn a_broadcast_neither_overtakes_what_its_sender_said_to_many_nor_is_lost_behind_it() {
    let world = world().shards(2).start();
    let sender = world.client_on(0, user(1));
    let many = 2..1_600;
    let hearers: Vec<_> = many.clone().map(|id| world.client_on(1, user(id))).collect();
    let shout = Shout { users: many.map(user).collect(), word: "one".to_owned(), ..Shout::default() };
    world.holding(|| {
        sender.send(&shout);
        sender.send(&broadcast("two"));
        sender.send(&Shout { word: "three".to_owned(), users: vec![user(1_599)], ..Shout::default() });
    });
    for hearer in &hearers {
        assert_eq!(hearer.expects::<Shout>().word, "one");
        assert_eq!(hearer.expects::<Broadcast>().content, "two");
    }
    let last = hearers.last().expect("there are some");
    assert_eq!(last.expects::<Shout>().word, "three");
    hearers.iter().for_each(Client::expects_nothing);
}
