//! The suite of [`MessageStore`](tidings_engine::ports::MessageStore), calls under a key that store no message.

use tidings_engine::act::{Act, First, Op, Outcome, Request};
use tidings_wire::{Code, ConversationKey, Key, UserId};

use super::{
    stores::Stores,
    world::{World, act, wait},
};

fn key(text: &str) -> Key {
    text.parse().expect("keys of tests are keys")
}

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

/// An act that stores nothing but what it is answered, with an id above all before and that id's time.
fn request(world: &World, by: Option<u32>, (name, hash): (&str, u8)) -> Act {
    let entry = world.entry(dm(), "{}");
    let first = First { id: entry.id, created_at_ms: entry.created_at_ms };
    act(by.map(UserId::new), [Op::Request(Request { key: key(name), hash: [hash; 16], first })])
}

fn first_of(act: &Act) -> First {
    match act.ops.first() {
        Some(Op::Request(request)) => request.first,
        other => panic!("it begins with a request: {other:?}"),
    }
}

/// Settles one that is new.
fn requested(world: &World, by: Option<u32>, of: (&str, u8)) -> First {
    let act = request(world, by, of);
    let first = first_of(&act);
    let settled = world.settle(act);
    let Outcome::Stored { receipts, .. } = &settled.outcome else { panic!("{settled:?}") };
    assert!(receipts.is_empty() && settled.commit.is_none());
    first
}

/// In the same commit and in a later one; another body under the key is refused; a key that nobody used is unknown.
pub fn a_request_is_answered_as_the_first_one_was(stores: &dyn Stores) {
    let world = World::open(stores);
    let acts = [("k", 1), ("k", 1), ("k", 2), ("l", 2)].map(|of| request(&world, Some(2), of));
    let first = first_of(&acts[0]);
    let outcomes = world.settle_all(acts);
    assert!(matches!(&outcomes[0], Outcome::Stored { .. }), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Outcome::Repeated(again) if *again == first), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Outcome::KeyReused), "{outcomes:?}");
    assert!(matches!(&outcomes[3], Outcome::Stored { .. }), "{outcomes:?}");
    let later = world.settle(request(&world, Some(2), ("k", 1)));
    assert!(matches!(&later.outcome, Outcome::Repeated(again) if *again == first), "{later:?}");
    assert_eq!(wait(world.store().requested(Some(UserId::new(2)), key("k"))), Some((first, [1; 16])));
    assert_eq!(wait(world.store().requested(Some(UserId::new(2)), key("m"))), None);
}

/// Two senders, and nobody, may choose the same key; so may a message of the same sender.
pub fn a_request_belongs_to_its_sender_and_is_apart_from_messages(stores: &dyn Stores) {
    let world = World::open(stores);
    let firsts = [Some(2), Some(7), None].map(|by| requested(&world, by, ("k", 1)));
    world.stored(world.keyed(UserId::new(2), dm(), ("k", 2)));
    for (by, first) in [Some(2), Some(7), None].into_iter().zip(firsts) {
        let again = world.settle(request(&world, by, ("k", 1))).outcome;
        assert!(matches!(&again, Outcome::Repeated(known) if *known == first), "{again:?}");
        assert_eq!(wait(world.store().requested(by.map(UserId::new), key("k"))), Some((first, [1; 16])));
    }
}

/// Whoever was refused may try again.
pub fn a_refused_act_is_not_remembered(stores: &dyn Stores) {
    let world = World::open(stores);
    let with_read = || {
        let mut act = request(&world, Some(2), ("k", 1));
        act.ops.push(Op::Read(dm(), UserId::new(2), 1));
        act
    };
    assert_eq!(world.refused(with_read()), Code::NotFound);
    assert_eq!(wait(world.store().requested(Some(UserId::new(2)), key("k"))), None);
    world.send(7, 2);
    let settled = world.settle(with_read());
    let Outcome::Stored { reads, .. } = &settled.outcome else { panic!("{settled:?}") };
    assert_eq!(reads.len(), 1);
    let again = world.settle(with_read()).outcome;
    assert!(matches!(again, Outcome::Repeated(_)), "{again:?}");
}

/// A repeat after a restart is a repeat. What is forgotten is free again.
pub fn requests_outlive_the_process_and_are_forgotten_oldest_first(stores: &dyn Stores) {
    let world = World::open(stores);
    let [one, two, three] = ["one", "two", "three"].map(|name| requested(&world, Some(2), (name, 1)));
    world.store().stop();
    drop(world);

    let world = World::open(stores);
    let known = |name: &str| wait(world.store().requested(Some(UserId::new(2)), key(name))).map(|(first, _)| first);
    assert_eq!(["one", "two", "three"].map(known), [Some(one), Some(two), Some(three)]);
    assert_eq!(wait(world.store().forget_requests(one.created_at_ms, 10)), 0);
    assert_eq!(wait(world.store().forget_requests(i64::MAX, 1)), 1);
    assert_eq!(["one", "two", "three"].map(known), [None, Some(two), Some(three)]);
    assert_eq!(wait(world.store().forget_requests(three.created_at_ms, 10)), 1);
    assert_eq!(["one", "two", "three"].map(known), [None, None, Some(three)]);
    let again = world.settle(request(&world, Some(2), ("one", 9))).outcome;
    assert!(matches!(again, Outcome::Stored { .. }), "{again:?}");
}

/// And nobody else's.
pub fn an_erasure_takes_the_users_requests(stores: &dyn Stores) {
    let world = World::open(stores);
    for by in [Some(2), Some(7), None] {
        requested(&world, by, ("k", 1));
    }
    wait(world.store().erase(UserId::new(2)));
    let known = |by: Option<u32>| wait(world.store().requested(by.map(UserId::new), key("k"))).is_some();
    assert_eq!([Some(2), Some(7), None].map(known), [false, true, true]);
}
