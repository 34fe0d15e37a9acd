//! The suite of [`Groups`](tidings_engine::ports::Groups), for groups that are the store's own.

use tidings_engine::act::{Op, Outcome};
use tidings_wire::{GroupId, UserId};

use super::{
    stores::Stores,
    world::{World, act, wait},
};

/// Tests of everything that own groups promise. `make` is a function without parameters that returns an empty
/// [`Stores`].
#[macro_export]
macro_rules! groups_contract {
    ($make:expr) => {
        $crate::contract_cases!($make, groups:
            own_groups_say_so
            members_come_in_pages_by_their_ids
            who_left_is_no_member
            memberships_outlive_the_process
        );
    };
}

/// Own groups change by acts.
pub fn own_groups_say_so(stores: &dyn Stores) {
    let world = World::open(stores);
    assert!(world.opened.groups.own());
    assert_eq!(
        wait(world.opened.groups.members(GroupId::new(5), None, 10)),
        [],
        "a group that does not exist has none"
    );
}

/// Ascending, each once, and only the last page is short.
pub fn members_come_in_pages_by_their_ids(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    let mut users: Vec<UserId> = (0..250).map(|number| UserId::new(number * 7 % 1_000)).collect();
    users.push("0192f0c1-2b3c-7def-8abc-0123456789ab".parse().expect("it is an id"));
    let outcome = world.settle(act(None, users.iter().map(|&user| Op::Join(group, user)))).outcome;
    assert!(matches!(outcome, Outcome::Stored { membership, .. } if membership.len() == users.len()));
    users.sort_unstable();
    let mut read = Vec::new();
    loop {
        let page = wait(world.opened.groups.members(group, read.last().copied(), 100));
        read.extend_from_slice(&page);
        if page.len() < 100 {
            break;
        }
    }
    assert_eq!(read, users);
    assert_eq!(wait(world.opened.groups.members(group, users.last().copied(), 100)), []);
}

/// Leaving takes a user out, also out of a page's start.
pub fn who_left_is_no_member(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    for user in [1, 2, 3] {
        world.join(group, user);
    }
    world.join(GroupId::new(6), 9);
    world.send_to(group, 1);
    world.leave(group, 2);
    let members = |after| wait(world.opened.groups.members(group, after, 10));
    assert_eq!(members(None), [1, 3].map(UserId::new));
    assert_eq!(members(Some(UserId::new(2))), [UserId::new(3)]);
    world.join(group, 2);
    assert_eq!(members(None), [1, 2, 3].map(UserId::new));
}

/// Members are there after a restart.
pub fn memberships_outlive_the_process(stores: &dyn Stores) {
    let world = World::open(stores);
    let group = GroupId::new(5);
    world.join(group, 2);
    world.store().stop();
    drop(world);
    let world = World::open(stores);
    assert_eq!(wait(world.opened.groups.members(group, None, 10)), [UserId::new(2)]);
    assert_eq!(world.join(group, 2), None);
    assert_eq!(world.send_to(group, 2).seq, 1);
}
