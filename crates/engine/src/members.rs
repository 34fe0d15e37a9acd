//! Sets of users by their names (members of groups, followers of users), as bitmaps in a bounded cache that changes in commit
//! order.

mod group;
mod load;
mod named;
mod pins;
mod shelf;
#[cfg(test)]
mod tests;
mod unfinished;

use std::sync::{Arc, atomic::Ordering};

use tidings_wire::{GroupId, Id, Related, UserId};

use crate::{clock::SharedClock, directory::Directory, ports::StoreError};

pub(crate) use group::Pinned;
pub(crate) use named::{Named, Sources};
use shelf::Shelf;

/// The cache. Sets that messages under way name are pinned; of the others the least recently used go when the bound in
/// bytes is passed. Lock order: the map of sets, then one set's state, then the directory's locks in their own order.
#[derive(Clone)]
pub(crate) struct Members(Arc<Shelf>);

impl Members {
    pub(crate) fn new(sources: Sources, directory: Arc<Directory>, clock: SharedClock, bound: u64) -> Self {
        Self(Arc::new(Shelf::new(sources, directory, clock, bound)))
    }

    /// Whether the groups are the store's own, so that acts can require and change membership.
    pub(crate) fn own(&self) -> bool {
        self.0.sources().own_groups()
    }

    /// A relation's name for good, where a pack brought it.
    pub(crate) fn relation(&self, name: &str) -> Option<&'static str> {
        self.0.sources().relation(name)
    }

    /// Whether every change of the set is told, so that a view of it never grows old.
    pub(crate) fn is_told(&self, id: Named) -> bool {
        self.0.sources().max_age(&id).is_none()
    }

    /// The set, pinned, if it is in memory and as fresh as it has to be.
    pub(crate) fn reach(&self, id: impl Into<Named>) -> Option<Pinned> {
        let id = id.into();
        self.held(id).filter(|group| self.0.is_fresh(&id, &group.state()))
    }

    /// The set, pinned, if it is in memory, however old the view: for what was decided when it was fresh.
    pub(crate) fn held(&self, id: impl Into<Named>) -> Option<Pinned> {
        let groups = self.0.groups();
        let group = groups.get(id.into())?;
        group.used.store(self.0.next_use(), Ordering::Relaxed);
        let is_read = group.state().members.is_some();
        // Pinned under the lock of the map, or it could be dropped in between.
        is_read.then(|| Pinned::new(group))
    }

    /// The set, pinned; read from the port where it is not in memory. What does not exist has no members.
    ///
    /// # Errors
    /// Where the port fails, panics, or gives members out of order. A read that nobody waits for any more is dropped; of a relation, which
    /// may take longer than anybody waits, the latest few are gone on with when somebody asks again.
    pub(crate) async fn load(&self, id: impl Into<Named>) -> Result<Pinned, StoreError> {
        let id = id.into();
        loop {
            if let Some(pinned) = self.reach(id) {
                return Ok(pinned);
            }
            let Some(done) = self.0.loading(id) else { continue };
            drop(self.0.unfinished.keep(id, &done));
            let read = done.await;
            self.0.unfinished.let_go(id);
            read.map_err(|cause| StoreError::Unavailable(Box::new(cause)))?;
        }
    }

    /// The node stops: reads that nobody waits for are dropped.
    pub(crate) fn close(&self) {
        self.0.unfinished.clear();
    }

    /// The group of a message that was settled, with the pin that its sender left: called by the dispatcher.
    pub(crate) fn settled(&self, id: GroupId) -> Option<Pinned> {
        self.0.groups().get(id.into()).map(Pinned::left)
    }

    /// Whether the user is a member.
    pub(crate) async fn contains(&self, id: GroupId, user: UserId) -> Result<bool, StoreError> {
        Ok(self.load(id).await?.contains(&self.0.directory, user))
    }

    /// Users of a set above `after`, from where it is kept.
    pub(crate) async fn page(&self, id: Named, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        self.0.sources().page(&id, after, limit).await
    }

    /// What is known of the set is read again before a message that names it from now on is sent.
    pub(crate) fn outdate(&self, id: Named) {
        let Some(group) = self.0.groups().get(id) else { return };
        let mut state = group.state();
        if let Some(load) = &mut state.load {
            load.outdate();
        }
        if let Some(read) = &mut state.members {
            read.outdated = true;
        }
    }

    /// The same of a relation's set. False where nobody brought the relation.
    pub(crate) fn outdate_related(&self, relation: &str, to: Id) -> bool {
        let known = self.relation(relation);
        known.inspect(|relation| self.outdate(Named::Of(Related { relation, to }))).is_some()
    }

    /// A member came or went: called by the dispatcher alone, in commit order.
    pub(crate) fn change(&self, id: impl Into<Named>, user: UserId, joined: bool) {
        let mut groups = self.0.groups();
        let Some(group) = groups.get(id.into()) else { return };
        let mut state = group.state();
        state.load.take_if(|load| !load.change(user, joined));
        if let Some(read) = &mut state.members {
            read.members.set(user, joined);
        }
        groups.count(&group, &state);
    }
}
