//! Members of groups, as bitmaps in a bounded cache that changes in commit order.

mod group;
mod load;
mod pins;
mod shelf;
#[cfg(test)]
mod tests;

use std::sync::{Arc, atomic::Ordering};

use tidings_wire::{GroupId, UserId};

use crate::{
    clock::SharedClock,
    directory::Directory,
    ports::{Groups, StoreError},
};

pub(crate) use group::Pinned;
use shelf::Shelf;

/// The cache. Groups that messages under way name are pinned; of the others the least recently used go when the bound in
/// bytes is passed. Lock order: the map of groups, then one group's state, then the directory's locks in their own order.
pub(crate) struct Members(Arc<Shelf>);

impl Members {
    pub(crate) fn new(port: Arc<dyn Groups>, directory: Arc<Directory>, clock: SharedClock, bound: u64) -> Self {
        Self(Arc::new(Shelf::new(port, directory, clock, bound)))
    }

    /// Whether the groups are the store's own, so that acts can require and change membership.
    pub(crate) fn own(&self) -> bool {
        self.0.port().own()
    }

    /// The group, pinned, if its members are in memory and as fresh as they have to be.
    pub(crate) fn reach(&self, id: GroupId) -> Option<Pinned> {
        self.held(id).filter(|group| self.0.is_fresh(&group.state()))
    }

    /// The group, pinned, if its members are in memory, however old the view: for what was decided when it was fresh.
    pub(crate) fn held(&self, id: GroupId) -> Option<Pinned> {
        let groups = self.0.groups();
        let group = groups.get(id)?;
        group.used.store(self.0.next_use(), Ordering::Relaxed);
        let is_read = group.state().members.is_some();
        // Pinned under the lock of the map, or it could be dropped in between.
        is_read.then(|| Pinned::new(group))
    }

    /// The group, pinned; read from the port where it is not in memory. A group that does not exist has no members.
    ///
    /// # Errors
    /// Where the port fails, panics, or gives members out of order. A read that nobody waits for any more is dropped.
    pub(crate) async fn load(&self, id: GroupId) -> Result<Pinned, StoreError> {
        loop {
            if let Some(pinned) = self.reach(id) {
                return Ok(pinned);
            }
            let Some(done) = self.0.loading(id) else { continue };
            done.await.map_err(|cause| StoreError::Unavailable(Box::new(cause)))?;
        }
    }

    /// The group of a message that was settled, with the pin that its sender left: called by the dispatcher.
    pub(crate) fn settled(&self, id: GroupId) -> Option<Pinned> {
        self.0.groups().get(id).map(Pinned::left)
    }

    /// Whether the user is a member.
    pub(crate) async fn contains(&self, id: GroupId, user: UserId) -> Result<bool, StoreError> {
        Ok(self.load(id).await?.contains(&self.0.directory, user))
    }

    /// A member came or went: called by the dispatcher alone, in commit order.
    pub(crate) fn change(&self, id: GroupId, user: UserId, joined: bool) {
        let mut groups = self.0.groups();
        let Some(group) = groups.get(id) else { return };
        let mut state = group.state();
        state.load.take_if(|load| !load.change(user, joined));
        if let Some(read) = &mut state.members {
            read.members.set(user, joined);
        }
        groups.count(&group, &state);
    }
}
