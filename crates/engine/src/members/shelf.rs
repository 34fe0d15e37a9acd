//! The bounded map of the sets that are in memory.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hashbrown::HashMap;

use super::{
    group::{Group, State},
    load::{Done, Load},
    named::{Named, Sources},
    pins::Pins,
    unfinished::Unfinished,
};
use crate::{clock::SharedClock, directory::Directory};

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

/// The map, and what a read of a group needs.
pub(super) struct Shelf {
    sources: Sources,
    pub(super) directory: Arc<Directory>,
    clock: SharedClock,
    bound: u64,
    uses: AtomicU64,
    groups: Mutex<Groups>,
    pub(super) unfinished: Unfinished,
}

/// The map, with the sum of its groups' bytes.
#[derive(Default)]
pub(super) struct Groups {
    by_id: HashMap<Named, Arc<Group>>,
    bytes: u64,
}

impl Shelf {
    pub(super) fn new(sources: Sources, directory: Arc<Directory>, clock: SharedClock, bound: u64) -> Self {
        Self {
            sources,
            directory,
            clock,
            bound,
            uses: AtomicU64::new(0),
            groups: Mutex::default(),
            unfinished: Unfinished::default(),
        }
    }

    pub(super) fn sources(&self) -> &Sources {
        &self.sources
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
    pub(super) fn is_fresh(&self, id: &Named, state: &State) -> bool {
        let young = |began| self.sources.max_age(id).is_none_or(|age| self.now() < began + age);
        state.members.as_ref().is_some_and(|read| !read.outdated && young(read.began))
    }

    /// What to wait for until the group is read; none where it is by now.
    pub(super) fn loading(self: &Arc<Self>, id: Named) -> Option<Done> {
        // Both locks to the end: a group without a load is idle, and could leave the map before its load is known.
        let mut groups = self.groups();
        let group = groups.by_id.entry(id).or_default().clone();
        let mut state = group.state();
        if self.is_fresh(&id, &state) {
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
    pub(super) fn make_room(&self, newest: Named) {
        let mut oldest: Vec<_> = {
            let groups = self.groups();
            if groups.bytes <= self.bound {
                return;
            }
            groups.by_id.iter().map(|(&id, group)| (group.used.load(Ordering::Relaxed), id)).collect()
        };
        oldest.sort_unstable_by_key(|&(used, _)| used);
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
    pub(super) fn get(&self, id: Named) -> Option<Arc<Group>> {
        self.by_id.get(&id).cloned()
    }

    /// Counts a group of the map anew after a change.
    pub(super) fn count(&mut self, group: &Group, state: &State) {
        let bytes = state.bytes();
        self.bytes = self.bytes + bytes - group.bytes.swap(bytes, Ordering::Relaxed);
    }

    /// Takes the group out where no message under way names it and nobody waits for its members.
    pub(super) fn remove_if_idle(&mut self, id: Named, group: &Arc<Group>) -> Option<Arc<Group>> {
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
