//! Topics: whoever watches hears, and nobody twice.

use tidings_engine::{Accepted, Context};
use tidings_wire::{Audience, Me, Set, Topic};

use crate::messages::{Mine, Poke, Shout, poke, user, world};

fn topic(name: &str) -> Topic {
    name.parse().expect("a topic's name")
}

#[test]
fn watchers_hear_on_the_connections_that_watch() {
    let world = world().shards(2).start();
    let [ann, bob, bob_at_home, eve] = world.clients([1, 2, 2, 3]);
    bob.watches(&topic("score:4"), true);
    eve.watches(&topic("score:5"), true);
    ann.send(&Shout { topics: vec![topic("score:4")], ..Shout::default() });
    bob.expects::<Shout>();
    [&ann, &bob_at_home, &eve].into_iter().for_each(|client| client.expects_nothing());
    ann.send(&Shout { topics: vec![topic("score:4"), topic("score:5")], users: vec![bob.user()], ..Shout::default() });
    [&bob, &bob_at_home, &eve].into_iter().for_each(|client| drop(client.expects::<Shout>()));
    bob.expects_nothing();
    bob.watches(&topic("score:4"), false);
    world.backend().send_to(Audience::topic(topic("score:4")), &Shout::default()).unwrap();
    bob.expects_nothing();
}

#[test]
fn the_sender_and_those_less_do_not_hear_as_watchers() {
    let world = world().shards(2).start();
    let clients = world.clients([1, 2, 3]);
    clients.iter().for_each(|client| client.watches(&topic("t"), true));
    let shout = Shout { topics: vec![topic("t")], less: vec![user(3)], ..Shout::default() };
    clients[0].send(&shout);
    clients[1].expects::<Shout>();
    [&clients[0], &clients[2]].into_iter().for_each(|client| client.expects_nothing());
    clients[0].send(&Shout { me: Mine::Every, ..shout });
    [&clients[0], &clients[1]].into_iter().for_each(|client| drop(client.expects::<Shout>()));
    clients[2].expects_nothing();
}

#[test]
fn watchers_of_a_topic_can_be_left_out() {
    let world = world().shards(2).start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    bob.watches(&topic("quiet"), true);
    let all = Audience::users([1, 2, 3].map(user)).less(Set::Topic(topic("quiet")));
    world.backend().send_to(all, &Shout::default()).unwrap();
    [&ann, &eve].into_iter().for_each(|client| drop(client.expects::<Shout>()));
    bob.expects_nothing();
    let everyone = Audience::everyone().less(Set::Topic(topic("quiet")));
    world.backend().send_to(everyone, &Shout::default()).unwrap();
    [&ann, &eve].into_iter().for_each(|client| drop(client.expects::<Shout>()));
    bob.expects_nothing();
}

#[test]
fn the_sender_hears_as_me_says_though_they_watch_what_is_left_out() {
    let handler = |poke: Poke, _: Context| async move {
        let audience = Audience::everyone().less(Set::Topic(topic("quiet"))).me(Me::EveryConnection);
        Ok(Accepted::new(poke).to(audience))
    };
    let world = tidings_testkit::world().message_with::<Poke>(handler).start();
    let [ann, bob] = world.clients([1, 2]);
    ann.watches(&topic("quiet"), true);
    ann.send(&poke(user(9)));
    [&ann, &bob].into_iter().for_each(|client| drop(client.expects::<Poke>()));
}

#[test]
fn a_connection_that_is_gone_watches_no_more() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    bob.watches(&topic("t"), true);
    bob.disconnects();
    let [eve] = world.clients([3]);
    ann.send(&Shout { topics: vec![topic("t")], ..Shout::default() });
    eve.expects_nothing();
}

#[test]
fn a_connection_that_is_closing_watches_nothing_new() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    bob.stops_reading();
    bob.sends_raw(b"\x82\x80\0\0\0\0");
    assert!(!world.is_online(bob.user()));
    assert_eq!(world.connections_on(0), 2);
    bob.watches(&topic("t"), true);
    bob.disconnects();
    assert_eq!(world.connections_on(0), 1);
    let [eve] = world.clients([3]);
    ann.send(&Shout { topics: vec![topic("t")], ..Shout::default() });
    eve.expects_nothing();
}
