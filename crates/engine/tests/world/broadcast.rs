//! Messages for everyone, and their order among others.

use tidings_engine::{Rollout, registry::TypeSettings};
use tidings_wire::{Code, Me, Message, Senders, UserId};

use crate::messages::{Broadcast, Poke, Shout, broadcast, poke, user, world};

#[test]
fn it_reaches_every_connection_the_senders_too() {
    let world = world().start();
    let clients = world.clients([1, 2, 2, 3]);
    clients[1].send(&broadcast("hi"));
    for client in &clients {
        let got = client.expects::<Broadcast>();
        assert_eq!((got.content.as_str(), got.from, got.seq), ("hi", Some(user(2)), None));
        client.expects_nothing();
    }
}

#[test]
fn who_comes_later_does_not_hear_it() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.send(&broadcast("hi"));
    let [bob] = world.clients([2]);
    ann.expects::<Broadcast>();
    bob.expects_nothing();
}

#[test]
fn broadcasts_and_pokes_keep_their_order_on_a_connection() {
    let world = world().shards(2).start();
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    bob.stops_reading();
    for number in 0..200_u32 {
        if number % 3 == 0 {
            ann.send(&broadcast(number.to_string()));
        } else {
            ann.send(&Poke { to: bob.user(), note: number.to_string() });
        }
    }
    bob.reads_on();
    for number in 0..200_u32 {
        let next = if number % 3 == 0 {
            bob.expects::<Broadcast>().message.content
        } else {
            bob.expects::<Poke>().message.note
        };
        assert_eq!(next, number.to_string());
    }
    bob.expects_nothing();
    assert_eq!(eve.expects_some::<Broadcast>().len(), 67);
}

#[test]
fn only_services_may_send_what_is_theirs() {
    let only = TypeSettings { senders: Some(Senders::Service), ..TypeSettings::default() };
    let world = world().configure("broadcast", only).start();
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&broadcast("hi"));
    let refusal = ann.expects_error(Code::NotAllowed);
    assert!(refusal.message.contains("[types.broadcast] senders = \"users\""), "{}", refusal.message);
    let sent = world.backend().send(None, &broadcast("from the house")).unwrap();
    for client in [&ann, &bob] {
        let got = client.expects::<Broadcast>();
        assert_eq!((got.from, got.id), (None, sent.id));
    }
    world.backend().send(Some(user(7)), &broadcast("for somebody")).unwrap();
    assert_eq!(ann.expects::<Broadcast>().from, Some(user(7)));
}

/// On for a share of the users.
fn to(percent: u64) -> TypeSettings {
    TypeSettings { rollout: Some(Rollout::new(percent, Vec::new()).expect("a percentage")), ..TypeSettings::default() }
}

#[test]
fn a_rollout_is_on_for_the_same_users_always() {
    let tenth = to(10);
    let on_for = |settings: TypeSettings| -> Vec<UserId> {
        let world = world().configure(Poke::TYPE, settings).start();
        let target = world.client(user(1_000));
        (0..300)
            .map(|id| world.client(user(id)))
            .filter(|client| {
                client.send(&poke(target.user()));
                if target.expects_some::<Poke>().len() == 1 {
                    client.expects_nothing();
                    return true;
                }
                client.expects_error(Code::NotEnabled);
                false
            })
            .map(|client| client.user())
            .collect()
    };
    let some = on_for(tenth.clone());
    assert!((10..60).contains(&some.len()), "{}", some.len());
    assert_eq!(on_for(tenth), some);
    let more = on_for(to(50));
    assert!(some.iter().all(|user| more.contains(user)) && more.len() > some.len());
}

#[test]
fn a_rollout_does_not_hold_for_services() {
    let off = to(0);
    let world = world().configure("shout", off).start();
    let [ann] = world.clients([1]);
    ann.send(&Shout { everyone: true, ..Shout::default() });
    ann.expects_error(Code::NotEnabled);
    let everyone = tidings_wire::Audience::everyone().me(Me::EveryConnection);
    world.backend().send_to(everyone, &Shout::default()).unwrap();
    ann.expects::<Shout>();
}
