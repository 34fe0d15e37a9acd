//! Who hears a message: sets, less sets, and the sender's own connections.

use tidings_testkit::Client;
use tidings_wire::{Audience, Code, UserId};

use crate::messages::{GROUP, Mine, Poke, Shout, poke, user, world};

/// The numbers of those who heard the one message that was sent.
fn heard(clients: &[Client]) -> Vec<usize> {
    let counts = clients.iter().map(|client| client.expects_some::<Shout>().len());
    counts
        .enumerate()
        .filter_map(|(number, count)| {
            assert!(count <= 1, "client {number} heard it {count} times");
            (count == 1).then_some(number)
        })
        .collect()
}

#[test]
fn the_senders_connections_hear_what_the_audience_says() {
    for shards in [1, 2, 3] {
        let world = world().shards(shards).start();
        // Client 0 sends; 1 is the same user's other connection.
        let clients = world.clients([1, 1, 2, 2, 3]);
        for member in [1, 2] {
            world.backend().set_member(GROUP, user(member), true);
        }
        let to_bob = Shout { users: vec![user(2)], ..Shout::default() };
        let to_both = Shout { users: vec![user(1), user(2)], ..Shout::default() };
        let to_group = Shout { groups: vec![GROUP], ..Shout::default() };
        let to_all = Shout { everyone: true, ..Shout::default() };
        let to_nobody = Shout::default();
        let less_bob = Shout { everyone: true, less: vec![user(2)], ..Shout::default() };
        let less_group = Shout { everyone: true, less_groups: vec![GROUP], ..Shout::default() };
        let cases: [(&Shout, [&[usize]; 3]); 7] = [
            (&to_bob, [&[2, 3], &[1, 2, 3], &[0, 1, 2, 3]]),
            (&to_both, [&[2, 3], &[1, 2, 3], &[0, 1, 2, 3]]),
            (&to_group, [&[2, 3], &[1, 2, 3], &[0, 1, 2, 3]]),
            (&to_all, [&[2, 3, 4], &[1, 2, 3, 4], &[0, 1, 2, 3, 4]]),
            (&to_nobody, [&[], &[1], &[0, 1]]),
            (&less_bob, [&[4], &[1, 4], &[0, 1, 4]]),
            (&less_group, [&[4], &[1, 4], &[0, 1, 4]]),
        ];
        for (shout, expected) in cases {
            for (me, expected) in [Mine::Nothing, Mine::Other, Mine::Every].into_iter().zip(expected) {
                let shout = Shout { me, ..shout.clone() };
                clients[0].send(&shout);
                assert_eq!(heard(&clients), expected, "{shout:?} on {shards} shards");
            }
        }
    }
}

#[test]
fn named_twice_is_heard_once() {
    let world = world().shards(2).start();
    let clients = world.clients([1, 2, 3, 4]);
    for member in [1, 2, 3] {
        world.backend().set_member(GROUP, user(member), true);
    }
    let users: Vec<_> = (1..60).map(user).collect();
    clients[0].send(&Shout { users, groups: vec![GROUP, GROUP], me: Mine::Every, ..Shout::default() });
    assert_eq!(heard(&clients), [0, 1, 2, 3]);
}

#[test]
fn a_backend_says_who_hears_it() {
    let world = world().shards(2).start();
    let clients = world.clients([1, 2, 3]);
    let sends = |audience: Audience| {
        world.backend().send_to(audience, &Shout::default()).unwrap();
        heard(&clients)
    };
    assert_eq!(sends(Audience::users([user(1), user(3)])), [0, 2]);
    assert_eq!(sends(Audience::everyone()), [0, 1, 2]);
    assert_eq!(sends(Audience::everyone().less_user(user(2))), [0, 2]);
    world.backend().set_member(GROUP, user(2), true);
    assert_eq!(sends(Audience::group(GROUP)), [1], "a service need not be a member");
}

#[test]
fn an_audience_lists_at_most_ten_thousand() {
    let world = world().start();
    let [ann] = world.clients([1]);
    let all: Vec<UserId> = (0..10_001).map(user).collect();
    let refused = world.backend().send_to(Audience::users(all.clone()), &Shout::default()).unwrap_err();
    assert_eq!(refused.code, Code::TooLarge);
    ann.expects_nothing();
    world.backend().send_to(Audience::users(&all[..10_000]), &Shout::default()).unwrap();
    ann.expects::<Shout>();
}

#[test]
fn the_backend_closes_and_lists_a_users_connections() {
    let world = world().shards(2).start();
    let [ann, ann_at_home, bob] = world.clients([1, 1, 2]);
    let connections = world.backend().connections(ann.user());
    assert_eq!(connections.len(), 2);
    assert_ne!(connections[0].id, connections[1].id);
    assert_eq!(world.backend().disconnects(ann.user(), tidings_wire::CloseCode::Revoked), 2);
    for client in [&ann, &ann_at_home] {
        client.expects_close(tidings_wire::CloseCode::Revoked);
        assert!(client.is_gone());
    }
    assert!(world.backend().connections(ann.user()).is_empty() && !world.is_online(ann.user()));
    bob.send(&poke(ann.user()));
    bob.send(&poke(bob.user()));
    bob.expects_nothing();
    let back = world.client(ann.user());
    bob.send(&poke(ann.user()));
    back.expects::<Poke>();
}
