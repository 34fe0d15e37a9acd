//! Groups of the app's backend.

use tidings_engine::ports::{BoxFuture, Groups, StoreError};
use tidings_wire::{GroupId, UserId};

use crate::list::EndpointList;

/// The members of groups: see [`EndpointList::of_group`]. They change by the app alone: a view of them grows old.
pub struct EndpointGroups(EndpointList);

impl EndpointGroups {
    /// Groups by the list of their members.
    pub fn new(members: EndpointList) -> Self {
        Self(members)
    }
}

impl Groups for EndpointGroups {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.0.users(of.0, after, limit)
    }

    fn own(&self) -> bool {
        false
    }
}
