//! Members of groups, as bitmaps in a bounded cache that changes in commit order.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
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
const FOREIGN_VIEW: std::time::Duration = std::time::Duration::from_secs(30);

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

/// The cache. Groups that messages under way name are pinned; of the others the least recently used go when the bound in
/// bytes is passed.
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
    loaded_at: std::time::Duration,
}

enum State {
    /// Being read; what the dispatcher changes meanwhile overrides what is read.
    Loading { load: Load, changes: Vec<(UserId, bool)> },
    /// Read.
    Loaded(RoaringBitmap),
}

type Load = Shared<BoxFuture<Result<(), Arc<StoreError>>>>;

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
        let group = self.0.group(id)?;
        let read = matches!(*group.state(), State::Loaded(_));
        // Pinned under the lock of the map, or it could be dropped in between.
        let groups = self.0.groups();
        let current = groups.get(&id).is_some_and(|current| Arc::ptr_eq(current, &group));
        (read && current).then(|| Pinned::new(group))
    }

    /// The group, pinned; read from the port where it is not in memory. A group that does not exist has no members.
    pub(crate) async fn load(&self, id: GroupId) -> Result<Pinned, StoreError> {
        loop {
            if let Some(pinned) = self.reach(id) {
                return Ok(pinned);
            }
            let group = self.0.group_or_loading(id);
            let load = match &*group.state() {
                State::Loaded(_) => continue,
                State::Loading { load, .. } => load.clone(),
            };
            load.await.map_err(|cause| StoreError::Unavailable(Box::new(cause)))?;
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
        match &mut *group.state() {
            State::Loading { changes, .. } => changes.push((user, joined)),
            State::Loaded(members) => apply(members, &self.0.directory, user, joined),
        }
    }
}

impl Shelf {
    fn groups(&self) -> MutexGuard<'_, HashMap<GroupId, Arc<Group>>> {
        self.groups.lock().expect(POISONED)
    }

    /// The cached group, if its view is not too old.
    fn group(&self, id: GroupId) -> Option<Arc<Group>> {
        let group = self.groups().get(&id).cloned()?;
        let fresh = self.port.own() || self.clock.now().mono < group.loaded_at + FOREIGN_VIEW;
        group.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        fresh.then_some(group)
    }

    fn group_or_loading(self: &Arc<Self>, id: GroupId) -> Arc<Group> {
        if let Some(group) = self.group(id) {
            return group;
        }
        let shelf = self.clone();
        let load: BoxFuture<_> = Box::pin(async move { shelf.read(id).await });
        let group = Arc::new(Group {
            state: Mutex::new(State::Loading { load: load.shared(), changes: Vec::new() }),
            pins: AtomicU32::new(0),
            used: AtomicU64::new(self.uses.fetch_add(1, Ordering::Relaxed)),
            loaded_at: self.clock.now().mono,
        });
        let mut groups = self.groups();
        let replaced = match groups.get(&id) {
            // Another thread was first.
            Some(other) if self.port.own() || other.loaded_at >= group.loaded_at => return other.clone(),
            _ => groups.insert(id, group.clone()),
        };
        drop(groups);
        if let Some(old) = replaced {
            self.let_go(&old);
        }
        group
    }

    /// Reads all pages, then puts the members into the group's place.
    async fn read(self: Arc<Self>, id: GroupId) -> Result<(), Arc<StoreError>> {
        let mut members = RoaringBitmap::new();
        let mut after = None;
        loop {
            let page = match self.port.members(id, after, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    // Not cached: the next message reads again.
                    self.groups().remove(&id);
                    self.unpin_all(&members);
                    return Err(Arc::new(error));
                }
            };
            for &user in &page {
                members.insert(self.directory.pin(user));
            }
            after = page.last().copied();
            if page.len() < PAGE as usize {
                break;
            }
        }
        let group = self.groups().get(&id).cloned();
        let Some(group) = group else {
            self.unpin_all(&members);
            return Ok(());
        };
        {
            let mut state = group.state();
            if let State::Loading { changes, .. } = &mut *state {
                for (user, joined) in std::mem::take(changes) {
                    apply(&mut members, &self.directory, user, joined);
                }
            }
            *state = State::Loaded(members);
        }
        self.make_room(id);
        Ok(())
    }

    /// Drops the least recently used groups that no message under way names, until the rest fits.
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
            if total <= self.bound {
                return;
            }
            let mut groups = self.groups();
            let idle = groups.get(&id).is_some_and(|group| id != newest && group.pins.load(Ordering::SeqCst) == 0);
            let dropped = if idle { groups.remove(&id) } else { None };
            drop(groups);
            if let Some(group) = dropped {
                total -= bytes;
                self.let_go(&group);
            }
        }
    }

    fn let_go(&self, group: &Group) {
        if let State::Loaded(members) = &*group.state() {
            self.unpin_all(members);
        }
    }

    fn unpin_all(&self, members: &RoaringBitmap) {
        for index in members {
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
        std::mem::forget(self);
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
    /// Whether the user is a member.
    pub(crate) fn contains(&self, directory: &Directory, user: UserId) -> bool {
        let State::Loaded(members) = &*self.state() else { return false };
        directory.find(user).is_some_and(|(index, _)| members.contains(index))
    }

    /// Adds the members that are in `online` to `to`.
    pub(crate) fn online_into(&self, online: &RoaringBitmap, to: &mut RoaringBitmap) {
        if let State::Loaded(members) = &*self.state() {
            *to |= members & online;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(POISONED)
    }

    /// About the bytes that it takes, with a share of the directory's entries.
    fn bytes(&self) -> u64 {
        const ENTRY: u64 = 64;
        match &*self.state() {
            State::Loading { .. } => 0,
            State::Loaded(members) => members.serialized_size() as u64 + ENTRY * members.len() + 256,
        }
    }
}

/// Puts a user in or out, with the user's pin.
fn apply(members: &mut RoaringBitmap, directory: &Directory, user: UserId, joined: bool) {
    let index = directory.pin(user);
    let kept = if joined { members.insert(index) } else { false };
    if !joined && members.remove(index) {
        directory.unpin(index);
    }
    if !kept {
        directory.unpin(index);
    }
}
