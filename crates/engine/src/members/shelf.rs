//! The bounded map of the groups that are in memory.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hashbrown::HashMap;
use tidings_wire::GroupId;

use super::{
    group::{Group, State},
    load::{Done, Load},
    pins::Pins,
};
use crate::{clock::SharedClock, directory::Directory, ports};

/// How old a view of groups that are not the store's own may be.
const FOREIGN_VIEW: Duration = Duration::from_secs(30);

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

/// The map, and what a read of a group needs.
pub(super) struct Shelf {
    port: Arc<dyn ports::Groups>,
    pub(super) directory: Arc<Directory>,
    clock: SharedClock,
    bound: u64,
    uses: AtomicU64,
    groups: Mutex<Groups>,
}

/// The map, with the sum of its groups' bytes.
#[derive(Default)]
pub(super) struct Groups {
    by_id: HashMap<GroupId, Arc<Group>>,
    bytes: u64,
}

impl Shelf {
    pub(super) fn new(port: Arc<dyn ports::Groups>, directory: Arc<Directory>, clock: SharedClock, bound: u64) -> Self {
        Self { port, directory, clock, bound, uses: AtomicU64::new(0), groups: Mutex::default() }
    }

    pub(super) fn port(&self) -> &dyn ports::Groups {
        &*self.port
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now().mono
    }

    pub(super) fn no_pins(&self) -> Pins {
        Pins::new(self.directory.clone())
    }

    pub(super) fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().expect(POISONED)
    }

    /// Whether the members were read, and not too long ago where they may change without the engine's knowledge.
    pub(super) fn is_fresh(&self, state: &State) -> bool {
        state.members.as_ref().is_some_and(|read| self.port.own() || self.now() < read.began + FOREIGN_VIEW)
    }

    /// What to wait for until the group is read; none where it is by now.
    pub(super) fn loading(self: &Arc<Self>, id: GroupId) -> Option<Done> {
        // Both locks to the end: a group without a load is idle, and could leave the map before its load is known.
        let mut groups = self.groups();
        let group = groups.by_id.entry(id).or_default().clone();
        let mut state = group.state();
        if self.is_fresh(&state) {
            return None;
        }
        if let Some(done) = state.load.as_ref().and_then(Load::done) {
            return Some(done);
        }
        let (load, done) = Load::begin(self.clone(), id, group.clone());
        state.load = Some(load);
        groups.count(&group, &state);
        Some(done)
    }

    /// Where the bound is passed, drops the least recently used groups that no message under way names, until the rest fits
    /// with an eighth to spare: so that the map is seldom walked.
    pub(super) fn make_room(&self, newest: GroupId) {
        let mut oldest: Vec<_> = {
            let groups = self.groups();
            if groups.bytes <= self.bound {
                return;
            }
            groups.by_id.iter().map(|(&id, group)| (group.used.load(Ordering::Relaxed), id)).collect()
        };
        oldest.sort_unstable();
        for (_, id) in oldest.into_iter().filter(|(_, id)| *id != newest) {
            let mut groups = self.groups();
            if groups.bytes <= self.bound - self.bound / 8 {
                return;
            }
            let dropped = groups.get(id).and_then(|group| groups.remove_if_idle(id, &group));
            drop(groups);
            // Its pins go when no lock is held.
            drop(dropped);
        }
    }
}

impl Groups {
    pub(super) fn get(&self, id: GroupId) -> Option<Arc<Group>> {
        self.by_id.get(&id).cloned()
    }

    /// Counts a group of the map anew after a change.
    pub(super) fn count(&mut self, group: &Group, state: &State) {
        let bytes = state.bytes();
        self.bytes = self.bytes + bytes - group.bytes.swap(bytes, Ordering::Relaxed);
    }

    /// Takes the group out where no message under way names it and nobody waits for its members.
    pub(super) fn remove_if_idle(&mut self, id: GroupId, group: &Arc<Group>) -> Option<Arc<Group>> {
        let is_it = self.by_id.get(&id).is_some_and(|found| Arc::ptr_eq(found, group));
        if !is_it || !group.is_idle() {
            return None;
        }
        self.bytes -= group.bytes.swap(0, Ordering::Relaxed);
        self.by_id.remove(&id)
    }

    #[cfg(test)]
    pub(super) fn totals(&self) -> (usize, u64) {
        (self.by_id.len(), self.bytes)
    }
}
