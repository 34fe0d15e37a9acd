//! Members of groups, as bitmaps in a bounded cache that changes in commit order.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::Shared};
use hashbrown::HashMap;
use roaring::RoaringBitmap;
use tidings_wire::{GroupId, UserId};

use crate::{
    clock::SharedClock,
    directory::Directory,
    ports::{BoxFuture, Groups, StoreError},
};

/// Members read at a time.
const PAGE: u32 = 10_000;

/// How old a view of groups that are not the store's own may be.
const FOREIGN_VIEW: Duration = Duration::from_secs(30);

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

/// The cache. Groups that messages under way name are pinned; of the others the least recently used go when the bound in
/// bytes is passed. Lock order: the map of groups, then one group's state, then the directory's locks in their own order.
pub(crate) struct Members(Arc<Shelf>);

struct Shelf {
    port: Arc<dyn Groups>,
    directory: Arc<Directory>,
    clock: SharedClock,
    bound: u64,
    uses: AtomicU64,
    groups: Mutex<HashMap<GroupId, Arc<Group>>>,
}

/// One group's members.
pub(crate) struct Group {
    state: Mutex<State>,
    /// Messages under way that name it.
    pins: AtomicU32,
    used: AtomicU64,
}

#[derive(Default)]
struct State {
    members: Option<Read>,
    load: Option<Load>,
}

/// Members as they were read, and changed since.
struct Read {
    indices: RoaringBitmap,
    began: Duration,
}

/// The members are being read. What the dispatcher changes meanwhile overrides what is read.
struct Load {
    done: Done,
    changes: Vec<(UserId, bool)>,
}

/// Read on by whoever waits for it.
type Done = Shared<BoxFuture<Result<(), Arc<StoreError>>>>;

impl Members {
    pub(crate) fn new(port: Arc<dyn Groups>, directory: Arc<Directory>, clock: SharedClock, bound: u64) -> Self {
        let (uses, groups) = (AtomicU64::new(0), Mutex::default());
        Self(Arc::new(Shelf { port, directory, clock, bound, uses, groups }))
    }

    /// Whether the groups are the store's own, so that acts can require and change membership.
    pub(crate) fn own(&self) -> bool {
        self.0.port.own()
    }

    /// The group, pinned, if it is in memory and read.
    pub(crate) fn reach(&self, id: GroupId) -> Option<Pinned> {
        let groups = self.0.groups();
        let group = groups.get(&id)?;
        let read = self.0.is_fresh(&group.state());
        group.used.store(self.0.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        // Pinned under the lock of the map, or it could be dropped in between.
        read.then(|| Pinned::new(group.clone()))
    }

    /// The group, pinned; read from the port where it is not in memory. A group that does not exist has no members.
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
        self.0.groups().get(&id).cloned().map(Pinned)
    }

    /// Whether the user is a member.
    pub(crate) async fn contains(&self, id: GroupId, user: UserId) -> Result<bool, StoreError> {
        Ok(self.load(id).await?.contains(&self.0.directory, user))
    }

    /// A member came or went: called by the dispatcher alone, in commit order.
    pub(crate) fn change(&self, id: GroupId, user: UserId, joined: bool) {
        let group = self.0.groups().get(&id).cloned();
        let Some(group) = group else { return };
        let mut state = group.state();
        if let Some(load) = &mut state.load {
            load.changes.push((user, joined));
        }
        if let Some(read) = &mut state.members {
            apply(&mut read.indices, &self.0.directory, user, joined);
        }
    }
}

impl Shelf {
    fn groups(&self) -> MutexGuard<'_, HashMap<GroupId, Arc<Group>>> {
        self.groups.lock().expect(POISONED)
    }

    /// Whether the members were read, and not too long ago where they may change without the engine's knowledge.
    fn is_fresh(&self, state: &State) -> bool {
        let fresh = |read: &Read| self.port.own() || self.clock.now().mono < read.began + FOREIGN_VIEW;
        state.members.as_ref().is_some_and(fresh)
    }

    /// What to wait for until the group is read; none where it is by now.
    fn loading(self: &Arc<Self>, id: GroupId) -> Option<Done> {
        let group = self.groups().entry(id).or_insert_with(|| Arc::new(Group::new())).clone();
        let mut state = group.state();
        if self.is_fresh(&state) {
            return None;
        }
        if let Some(load) = &state.load {
            return Some(load.done.clone());
        }
        let (shelf, target) = (self.clone(), group.clone());
        let read: BoxFuture<_> = Box::pin(async move { shelf.read(id, target).await });
        let done = read.shared();
        state.load = Some(Load { done: done.clone(), changes: Vec::new() });
        Some(done)
    }

    /// Reads all pages, then puts the members into the group. Not cached where that fails: the next message reads again.
    async fn read(self: Arc<Self>, id: GroupId, group: Arc<Group>) -> Result<(), Arc<StoreError>> {
        let began = self.clock.now().mono;
        let mut indices = RoaringBitmap::new();
        let mut after = None;
        loop {
            let page = match self.port.members(id, after, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    group.state().load = None;
                    self.unpin_all(&indices);
                    return Err(Arc::new(error));
                }
            };
            indices.extend(page.iter().map(|&user| self.directory.pin(user)));
            after = page.last().copied();
            if page.len() < PAGE as usize {
                break;
            }
        }
        let replaced = {
            let mut state = group.state();
            for (user, joined) in state.load.take().map(|load| load.changes).unwrap_or_default() {
                apply(&mut indices, &self.directory, user, joined);
            }
            state.members.replace(Read { indices, began })
        };
        if let Some(old) = replaced {
            self.unpin_all(&old.indices);
        }
        self.make_room(id);
        Ok(())
    }

    /// Drops the least recently used groups that no message under way names, until the rest fits with an eighth to spare: so
    /// that the sizes are seldom added up.
    fn make_room(&self, newest: GroupId) {
        let mut sizes: Vec<_> = {
            let groups = self.groups();
            groups.iter().map(|(&id, group)| (group.used.load(Ordering::Relaxed), id, group.bytes())).collect()
        };
        let mut total: u64 = sizes.iter().map(|(_, _, bytes)| bytes).sum();
        if total <= self.bound {
            return;
        }
        sizes.sort_unstable();
        for (_, id, bytes) in sizes {
            if total <= self.bound - self.bound / 8 {
                return;
            }
            let dropped = {
                let mut groups = self.groups();
                let idle = groups.get(&id).is_some_and(|group| id != newest && group.is_idle());
                if idle { groups.remove(&id) } else { None }
            };
            let Some(group) = dropped else { continue };
            total -= bytes;
            if let Some(read) = group.state().members.take() {
                self.unpin_all(&read.indices);
            }
        }
    }

    fn unpin_all(&self, indices: &RoaringBitmap) {
        for index in indices {
            self.directory.unpin(index);
        }
    }
}

/// A group that stays in memory as long as this is held, or, after [`Pinned::leave`], until the dispatcher takes it.
pub(crate) struct Pinned(Arc<Group>);

impl Pinned {
    fn new(group: Arc<Group>) -> Self {
        group.pins.fetch_add(1, Ordering::SeqCst);
        Self(group)
    }

    /// A second pin.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.0.clone())
    }

    /// Leaves the pin with a message that was submitted; [`Members::settled`] takes it up again.
    pub(crate) fn leave(self) {
        let group = &self.0;
        group.pins.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::ops::Deref for Pinned {
    type Target = Group;

    fn deref(&self) -> &Group {
        &self.0
    }
}

impl Group {
    fn new() -> Self {
        Self { state: Mutex::default(), pins: AtomicU32::new(0), used: AtomicU64::new(0) }
    }

    /// Whether the user is a member.
    pub(crate) fn contains(&self, directory: &Directory, user: UserId) -> bool {
        let state = self.state();
        let Some(read) = &state.members else { return false };
        directory.find(user).is_some_and(|(index, _)| read.indices.contains(index))
    }

    /// Adds the members who are connected to `to`.
    pub(crate) fn online_into(&self, directory: &Directory, to: &mut RoaringBitmap) {
        // The guard of who is online is taken here and not by the caller: the group's state comes first in the lock order.
        let state = self.state();
        if let Some(read) = &state.members {
            *to |= &read.indices & &*directory.online();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(POISONED)
    }

    /// Whether no message under way names it and nobody waits for its members.
    fn is_idle(&self) -> bool {
        let awaited = |load: &Load| load.done.strong_count().is_some_and(|count| count > 1);
        self.pins.load(Ordering::SeqCst) == 0 && !self.state().load.as_ref().is_some_and(awaited)
    }

    /// About the bytes that it takes, with a share of the directory's entries.
    fn bytes(&self) -> u64 {
        const ENTRY: u64 = 64;
        let state = self.state();
        state
            .members
            .as_ref()
            .map_or(256, |read| read.indices.serialized_size() as u64 + ENTRY * read.indices.len() + 256)
    }
}

/// Puts a user in or out, with the user's pin.
fn apply(indices: &mut RoaringBitmap, directory: &Directory, user: UserId, joined: bool) {
    let index = directory.pin(user);
    let kept = joined && indices.insert(index);
    if !joined && indices.remove(index) {
        directory.unpin(index);
    }
    if !kept {
        directory.unpin(index);
    }
}

#[cfg(test)]
mod tests;
