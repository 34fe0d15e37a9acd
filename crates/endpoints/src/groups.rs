//! Groups of the app's backend.

use std::time::Duration;

use tidings_engine::ports::{BoxFuture, Groups, StoreError};
use tidings_wire::{GroupId, UserId};

use crate::list::EndpointList;

/// The members of groups: see [`EndpointList::of_group`]. They change by the app alone: a view of them grows old.
pub struct EndpointGroups {
    members: EndpointList,
    max_age: Duration,
}

impl EndpointGroups {
    /// Groups by the list of their members. `max_age` is how old what was read may be when it is used: at most
    /// [`GROUPS_MAX_AGE`](tidings_engine::ports::GROUPS_MAX_AGE).
    pub fn new(members: EndpointList, max_age: Duration) -> Self {
        Self { members, max_age }
    }
}

impl Groups for EndpointGroups {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.members.users(of.0, after, limit)
    }

    fn own(&self) -> bool {
        false
    }

    fn max_age(&self) -> Duration {
        self.max_age
    }
}
