//! When users were last seen is kept: beyond the node's life, by few commits, and never in anybody's way.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tidings_engine::clock::Clock;
use tidings_testkit::{Client, World, memory::MemoryStore};

use crate::{
    messages::{user, world},
    watching::{arrives, expects_presence, watches},
};

const SECOND: Duration = Duration::from_secs(1);

/// Worlds on one store, one after another.
fn worlds() -> impl Fn() -> World {
    let memory = Arc::new(MemoryStore::new(world().clock()));
    move || world().store(memory.clone(), memory.clone()).start()
}

fn seconds(world: &World) -> i64 {
    world.clock().now().unix()
}

/// User 2 chooses to be invisible, and leaves after that: the second at which they are last seen.
fn hides_and_leaves(world: &World, bob: &Client) -> i64 {
    world.advance(SECOND);
    world.backend().chooses(user(2), None, Some(false)).expect("it is stored");
    let hidden = seconds(world) - 10;
    world.advance(20 * SECOND);
    bob.disconnects();
    world.advance(20 * SECOND);
    hidden
}

#[test]
fn who_was_seen_by_an_earlier_node_is_known_to_the_next() {
    let next = worlds();
    let world = next();
    let bob = arrives(&world, 2);
    bob.disconnects();
    let left = seconds(&world);
    world.advance(13 * SECOND);
    drop(world);
    let world = next();
    let ann = arrives(&world, 1);
    assert_eq!(watches(&ann, &[2, 3]), [(2, Some(json!(left))), (3, Some(Value::Null))]);
    let _bob = arrives(&world, 2);
    world.advance(SECOND);
    assert_eq!(expects_presence(&ann), (2, None));
    drop(world);
    let world = next();
    let asked = |who| world.backend().presence(who, vec![user(2)])[0].last_seen;
    assert_eq!((asked(Some(user(1))), asked(None), asked(Some(user(2)))), (Some(left), Some(left), Some(left)));
}

#[test]
fn who_is_invisible_looks_the_same_before_and_after_a_restart_whatever_they_do() {
    let next = worlds();
    let world = next();
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    watches(&ann, &[2]);
    let hidden = hides_and_leaves(&world, &bob);
    drop(world);
    let world = next();
    let bob = arrives(&world, 2);
    let ann = arrives(&world, 1);
    assert_eq!(watches(&ann, &[2]), [(2, Some(json!(hidden)))]);
    bob.disconnects();
    world.advance(20 * SECOND);
    ann.expects_nothing();
    drop(world);
    let world = next();
    let ann = arrives(&world, 1);
    assert_eq!(watches(&ann, &[2]), [(2, Some(json!(hidden)))]);
}

/// Whoever speaks the guide's dialect comes and goes without anybody asking what they chose.
#[test]
fn an_invisible_user_who_comes_and_goes_unwatched_leaves_what_was_known() {
    let next = worlds();
    let world = next();
    let hidden = hides_and_leaves(&world, &arrives(&world, 2));
    drop(world);
    let comes_and_goes = || {
        let world = next();
        world.client(user(2)).disconnects();
        world.advance(20 * SECOND);
        world
    };
    let told = |world: &World| watches(&arrives(world, 1), &[2]);
    let world = comes_and_goes();
    assert_eq!(told(&world), [(2, Some(json!(hidden)))]);
    world.advance(5 * SECOND);
    drop(world);
    let world = comes_and_goes();
    world.backend().chooses(user(2), None, Some(true)).expect("it is stored");
    world.advance(5 * SECOND);
    assert_eq!(told(&world), [(2, Some(json!(hidden)))], "visible again");
    drop(world);
    assert_eq!(told(&next()), [(2, Some(json!(hidden)))]);
}

#[test]
fn the_app_itself_learns_when_somebody_whom_nobody_watched_was_last_there() {
    let world = worlds()();
    world.client(user(2)).disconnects();
    let left = seconds(&world);
    world.advance(13 * SECOND);
    assert_eq!(world.backend().presence(None, vec![user(2)])[0].last_seen, Some(left));
}

#[test]
fn a_watch_that_began_while_nothing_could_be_read_is_told_once_it_can() {
    let next = worlds();
    let world = next();
    arrives(&world, 2).disconnects();
    let left = seconds(&world);
    world.advance(15 * SECOND);
    drop(world);
    let world = next();
    let ann = arrives(&world, 1);
    world.store().reads_no_last_seen(true);
    assert_eq!(watches(&ann, &[2]), [(2, Some(Value::Null))]);
    world.advance(10 * SECOND);
    ann.expects_nothing();
    world.store().reads_no_last_seen(false);
    world.advance(2 * SECOND);
    assert_eq!(expects_presence(&ann), (2, Some(json!(left))));
    world.advance(60 * SECOND);
    ann.expects_nothing();
}

#[test]
fn a_storm_of_3000_users_who_leave_is_a_few_acts() {
    const USERS: u32 = 3_000;
    let world = world().start();
    let mut clients = Vec::new();
    world.holding(|| clients = (0..USERS).map(|id| world.client(user(id))).collect::<Vec<Client>>());
    world.advance(3 * SECOND);
    world.store().holds();
    world.holding(|| clients.iter().for_each(Client::disconnects));
    world.advance(15 * SECOND);
    let acts = world.store().waiting();
    assert!((1..=4).contains(&acts), "{acts} acts for {USERS} users");
}

#[test]
fn a_store_that_takes_or_says_nothing_holds_no_presence_up_and_has_all_once_it_works() {
    let next = worlds();
    let world = next();
    let [ann, bob] = [1, 2].map(|id| arrives(&world, id));
    watches(&ann, &[2]);
    world.store().breaks();
    world.store().reads_no_last_seen(true);
    bob.disconnects();
    let left = seconds(&world);
    world.advance(14 * SECOND);
    assert_eq!(expects_presence(&ann), (2, Some(json!(left))));
    assert_eq!(watches(&ann, &[9]), [(9, Some(Value::Null))], "told at once");
    world.store().goes_on();
    world.advance(5 * SECOND);
    drop(world);
    let world = next();
    let ann = arrives(&world, 1);
    world.store().reads_no_last_seen(true);
    assert_eq!(watches(&ann, &[2]), [(2, Some(Value::Null))], "not known for the while");
    world.store().reads_no_last_seen(false);
    assert_eq!(watches(&ann, &[2]), [(2, Some(json!(left)))]);
}
