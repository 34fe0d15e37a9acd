//! The suite of [`Groups`] for groups that are the app's own affair: its tables, its endpoints.

use std::sync::Arc;

use tidings_engine::ports::Groups;
use tidings_wire::{GroupId, UserId};

use super::wait;

/// An adapter with a way to fill what it reads.
pub trait ForeignGroups {
    /// The groups under test; the same each time.
    fn groups(&self) -> Arc<dyn Groups>;

    /// Makes these users the group's only members, in this order and as often as they stand there.
    fn fill(&self, group: GroupId, members: &[UserId]);
}

/// Tests of everything that a view of the app's groups promises. `make` is a function without parameters that returns an empty
/// [`ForeignGroups`].
#[macro_export]
macro_rules! foreign_groups_contract {
    ($make:expr) => {
        $crate::contract_cases!($make, foreign_groups:
            foreign_groups_say_so
            foreign_members_come_in_pages_by_their_ids
            a_change_is_seen_by_the_next_page
        );
    };
}

/// They do not change by acts.
pub fn foreign_groups_say_so(given: &dyn ForeignGroups) {
    assert!(!given.groups().own());
    assert_eq!(wait(given.groups().members(GroupId::new(5), None, 10)), [], "a group that does not exist has none");
}

/// Ascending, each once, and only the last page is short.
pub fn foreign_members_come_in_pages_by_their_ids(given: &dyn ForeignGroups) {
    let group = GroupId::new(5);
    let mut users: Vec<UserId> = (0..250).map(|number| UserId::new(number * 7 % 1_000)).collect();
    users.push("0192f0c1-2b3c-7def-8abc-0123456789ab".parse().expect("it is an id"));
    users.push("f192f0c1-2b3c-7def-8abc-0123456789ab".parse().expect("it is an id"));
    given.fill(group, &users);
    given.fill(GroupId::new(6), &[UserId::new(3)]);
    users.sort_unstable();
    for limit in [1, 100, 252, 1_000] {
        let mut read = Vec::new();
        loop {
            let page = wait(given.groups().members(group, read.last().copied(), limit));
            read.extend_from_slice(&page);
            if page.len() < limit as usize {
                break;
            }
        }
        assert_eq!(read, users, "in pages of {limit}");
    }
    assert_eq!(wait(given.groups().members(group, users.last().copied(), 100)), []);
    assert_eq!(wait(given.groups().members(group, Some(UserId::new(995)), 10)), users[users.len() - 2..]);
}

/// Nothing is remembered: that is the engine's affair.
pub fn a_change_is_seen_by_the_next_page(given: &dyn ForeignGroups) {
    let group = GroupId::new(5);
    given.fill(group, &[3, 1, 2].map(UserId::new));
    assert_eq!(wait(given.groups().members(group, None, 10)), [1, 2, 3].map(UserId::new));
    given.fill(group, &[4, 1].map(UserId::new));
    assert_eq!(wait(given.groups().members(group, None, 10)), [1, 4].map(UserId::new));
}
