//! Who is there for others' eyes: online from the first connection on, offline some seconds after the last one went, and offline all
//! the time for whoever chose so.
//!
//! Nothing here is told to anybody. Shards say which users their connections watch; a change of one of those is noted for the shards
//! concerned, which are given one letter however much is noted, and then look up how each user stands at that moment. So changes
//! join, the newest wins, and what waits is at most who is watched.

mod last_seen;
mod saving;
mod unsaved;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use hashbrown::{HashMap, HashSet};
use tidings_wire::UserId;

use crate::{
    chosen::{BeforeReading, Chosen},
    clock::Now,
    directory::{Directory, ShardSet},
    ports::Choices,
};
use last_seen::LastSeen;
use saving::Unread;
use unsaved::Unsaved;

/// How a user stands for those who may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Online,
    Offline {
        /// Unix seconds; none where it is not known.
        last_seen: Option<i64>,
    },
}

impl Standing {
    /// How whoever may not be seen stands: as somebody who was never there.
    pub(crate) const UNSEEN: Self = Self::Offline { last_seen: None };
}

/// The node's presence. Lock order: this one, then the directory's.
pub(crate) struct Presence {
    directory: Arc<Directory>,
    state: Mutex<State>,
    offline_after: Duration,
    /// Whether when users were last seen is kept in the store.
    saves: bool,
}

struct State {
    /// Shards with connections that watch a user.
    watched: HashMap<UserId, ShardSet>,
    /// Users whose last connection went a moment ago, with the number of that.
    leaving: HashMap<UserId, u64>,
    /// Counts those who left.
    departures: u64,
    last_seen: LastSeen,
    unsaved: Unsaved,
    /// Counts users who were forgotten: what was read of them before is not learnt any more.
    forgotten: u64,
    chosen: Chosen,
    /// For each shard: watched users who may stand otherwise than it has told.
    stirred: Vec<HashSet<UserId>>,
}

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

impl Presence {
    pub(crate) fn new(directory: Arc<Directory>, shards: usize, offline_after: Duration, saves: bool) -> Self {
        let state = State {
            watched: HashMap::new(),
            leaving: HashMap::new(),
            departures: 0,
            last_seen: LastSeen::default(),
            unsaved: Unsaved::default(),
            forgotten: 0,
            chosen: Chosen::default(),
            stirred: vec![HashSet::new(); shards],
        };
        Self { directory, state: Mutex::new(state), offline_after, saves }
    }

    /// The user has a connection more on the shard. Returns the user's index, and the shards that are to be given a letter.
    pub(crate) fn enter(&self, user: UserId, shard: u16) -> (u32, ShardSet) {
        // The directory is changed under this lock, so that nobody sees a user who is neither there nor leaving.
        let mut state = self.state();
        let (index, first) = self.directory.enter(user, shard);
        let came = first && state.leaving.remove(&user).is_none();
        (index, if came { state.stir(user) } else { 0 })
    }

    /// The user's last connection on the shard has gone. Where it was the last of all, [`Presence::gone`] is to be called
    /// [`Presence::offline_after`] later with the number that this returns.
    pub(crate) fn exit(&self, user: UserId, shard: u16) -> Option<u64> {
        let state = &mut *self.state();
        self.directory.exit(user, shard).then(|| {
            state.departures += 1;
            state.leaving.insert(user, state.departures);
            state.departures
        })
    }

    /// How long after the last connection went a user is offline.
    pub(crate) fn offline_after(&self) -> Duration {
        self.offline_after
    }

    /// A user who left at `since` is offline from now on, unless they came back. Returns the shards that are to be given a letter.
    pub(crate) fn gone(&self, user: UserId, number: u64, since: Duration, now: Now) -> ShardSet {
        let mut state = self.state();
        if state.leaving.get(&user) != Some(&number) {
            return 0;
        }
        state.leaving.remove(&user);
        if state.leaving.capacity() > 4 * state.leaving.len() + 64 {
            state.leaving.shrink_to_fit();
        }
        let away = now.mono.saturating_sub(since).as_secs().cast_signed();
        let visible = state.chosen.of(user).map(|choices| choices.visible);
        if visible != Some(false) {
            self.went(&mut state, user, now.unix() - away, visible.is_some());
        }
        state.chosen.forget(user);
        state.stir(user)
    }

    /// A connection of the shard is the first there to watch the user.
    pub(crate) fn watch(&self, user: UserId, shard: u16) {
        *self.state().watched.entry(user).or_default() |= 1 << shard;
    }

    /// No connection of the shard watches the user any more.
    pub(crate) fn unwatch(&self, user: UserId, shard: u16) {
        let state = &mut *self.state();
        if let Some(shards) = state.watched.get_mut(&user) {
            *shards &= !(1 << shard);
            if *shards == 0 {
                state.watched.remove(&user);
            }
        }
        state.stirred[usize::from(shard)].remove(&user);
        if state.watched.capacity() > 4 * state.watched.len() + 64 {
            state.watched.shrink_to_fit();
        }
    }

    /// Shards with connections that watch the user.
    pub(crate) fn watched_on(&self, user: UserId) -> ShardSet {
        self.state().watched.get(&user).copied().unwrap_or(0)
    }

    /// Users whom the shard's connections watch, and who may stand otherwise than before.
    pub(crate) fn take_stirred(&self, shard: u16) -> HashSet<UserId> {
        std::mem::take(&mut self.state().stirred[usize::from(shard)])
    }

    /// How the user stands; none where that depends on what is to be read first.
    pub(crate) fn standing(&self, user: UserId) -> Option<Standing> {
        let state = self.state();
        let online = self.is_here(&state, user);
        let visible = state.chosen.of(user).map(|choices| choices.visible);
        if self.is_unread(&state, user).is_some_and(|why| why == Unread::NotAsked) {
            return None;
        }
        let (last_seen, sure) = state.last_seen.of(user).map_or((None, true), |seen| (seen.at, seen.sure));
        match visible {
            None if online || !sure => None,
            Some(true) if online => Some(Standing::Online),
            Some(false) if !sure => Some(Standing::UNSEEN),
            _ => Some(Standing::Offline { last_seen }),
        }
    }

    /// How the user stands for themselves.
    pub(crate) fn own_standing(&self, user: UserId) -> Standing {
        let state = self.state();
        if self.is_here(&state, user) {
            return Standing::Online;
        }
        Standing::Offline { last_seen: state.last_seen.of(user).and_then(|seen| seen.at) }
    }

    /// What the user chose, if it is known.
    pub(crate) fn chosen(&self, user: UserId) -> Option<Choices> {
        self.state().chosen.of(user)
    }

    /// To be taken before choices are read.
    pub(crate) fn before_reading(&self) -> BeforeReading {
        self.state().chosen.before_reading()
    }

    /// What the store says that a user chose.
    pub(crate) fn learn(&self, user: UserId, choices: Choices, begun: BeforeReading) {
        let state = &mut *self.state();
        if !state.chosen.learn(user, choices, begun) {
            return;
        }
        state.settle(user, choices.visible);
        if !self.is_here(state, user) {
            // Nobody would take them out again.
            state.chosen.forget(user);
        }
    }

    /// What the user chose is not known any more.
    pub(crate) fn forget_choices(&self, user: UserId) -> ShardSet {
        let mut state = self.state();
        state.chosen.forget(user);
        state.stir(user)
    }

    /// The user chose otherwise than `before`, and the store has it. Returns the shards that are to be given a letter.
    pub(crate) fn choose(&self, user: UserId, before: Choices, choices: Choices, now: Now) -> ShardSet {
        let state = &mut *self.state();
        let online = self.is_here(state, user);
        state.settle(user, before.visible);
        if online && before.visible && !choices.visible {
            // They look like somebody whose last connection went, and who is told to be offline now.
            let away = self.offline_after.as_secs().cast_signed();
            self.went(state, user, now.unix() - away, true);
        }
        state.chosen.choose(user, choices, online);
        state.stir(user)
    }

    fn is_here(&self, state: &State, user: UserId) -> bool {
        state.leaving.contains_key(&user) || self.directory.is_online(user)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(POISONED)
    }
}

impl State {
    /// It has turned out whether the user was visible when they went.
    fn settle(&mut self, user: UserId, visible: bool) {
        // What is on its way to the store already is left out there, where the user is invisible: what stands there is from before
        // they hid, and stays.
        if self.last_seen.settle(user, visible) {
            self.unsaved.cancel(user);
        }
    }

    /// Notes that the user may stand otherwise. Returns the shards for which nothing was noted before.
    fn stir(&mut self, user: UserId) -> ShardSet {
        let mut woken = 0;
        let mut left = self.watched.get(&user).copied().unwrap_or(0);
        while left != 0 {
            let shard = left.trailing_zeros();
            left &= left - 1;
            let stirred = &mut self.stirred[shard as usize];
            woken |= ShardSet::from(stirred.is_empty()) << shard;
            stirred.insert(user);
        }
        woken
    }
}
