//! One set in memory: a group's members, somebody's followers.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use roaring::RoaringBitmap;
use tidings_wire::UserId;

use super::{load::Load, pins::Pins};
use crate::directory::Directory;

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

/// One group's members.
#[derive(Default)]
pub(crate) struct Group {
    state: Mutex<State>,
    /// Messages under way that name it.
    pins: AtomicU32,
    /// When it was used last, in uses of all groups.
    pub(super) used: AtomicU64,
    /// The bytes that the map has counted for it.
    pub(super) bytes: AtomicU64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) members: Option<Read>,
    pub(super) load: Option<Load>,
}

/// Members as they were read, and changed since.
pub(super) struct Read {
    pub(super) members: Pins,
    pub(super) began: Duration,
    /// Somebody said that it has changed since.
    pub(super) outdated: bool,
}

impl Group {
    /// Whether the user is a member.
    pub(crate) fn contains(&self, directory: &Directory, user: UserId) -> bool {
        let state = self.state();
        let Some(read) = &state.members else { return false };
        directory.find(user).is_some_and(|(index, _)| read.members.indices().contains(index))
    }

    /// How many members there are.
    pub(crate) fn len(&self) -> usize {
        self.state().members.as_ref().map_or(0, |read| read.members.indices().len() as usize)
    }

    /// Adds the members who are connected to `to`.
    pub(crate) fn online_into(&self, directory: &Directory, to: &mut RoaringBitmap) {
        // The guard of who is online is taken here and not by the caller: the group's state comes first in the lock order.
        let state = self.state();
        if let Some(read) = &state.members {
            *to |= read.members.indices() & &*directory.online();
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(POISONED)
    }

    /// Whether no message under way names it and nobody waits for its members.
    pub(super) fn is_idle(&self) -> bool {
        self.pins.load(Ordering::SeqCst) == 0 && self.state().load.is_none()
    }
}

impl State {
    /// About the bytes that the group takes, with a share of the directory's entries.
    pub(super) fn bytes(&self) -> u64 {
        const GROUP: u64 = 256;
        const ENTRY: u64 = 64;
        let of = |indices: &RoaringBitmap| indices.serialized_size() as u64 + ENTRY * indices.len();
        GROUP + self.members.as_ref().map_or(0, |read| of(read.members.indices()))
    }
}

/// A group that stays in memory as long as this is held, or, after [`Pinned::leave`], until the dispatcher takes it.
pub(crate) struct Pinned(Arc<Group>);

impl Pinned {
    /// A pin more. While the map is locked, or the group could leave it in between.
    pub(super) fn new(group: Arc<Group>) -> Self {
        group.pins.fetch_add(1, Ordering::SeqCst);
        Self(group)
    }

    /// The pin that [`Pinned::leave`] left.
    pub(super) fn left(group: Arc<Group>) -> Self {
        Self(group)
    }

    /// A second pin.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.0.clone())
    }

    /// Leaves the pin with a message that was submitted; [`Members::settled`](super::Members::settled) takes it up again.
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
