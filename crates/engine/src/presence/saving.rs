//! When users were last seen, between memory and the store.

use tidings_wire::UserId;

use super::{Presence, State, unsaved::Wanted};
use crate::{act::Seen, clock::Now, directory::ShardSet};

/// A moment before the store is asked: whoever is forgotten after it is not learnt of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BeforeSeen(u64);

/// Why the store is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It was not yet.
    NotAsked,
    /// It did not answer the last time: until it does the user looks as if they were never there.
    NotAnswered,
}

impl Presence {
    /// The user was last there at this Unix second.
    pub(super) fn went(&self, state: &mut State, user: UserId, at: i64, sure: bool) {
        state.last_seen.put(user, at, sure);
        if self.saves {
            state.unsaved.put(user, Wanted::Seen);
        }
    }

    /// To be taken before the store is asked.
    pub(crate) fn before_seen(&self) -> BeforeSeen {
        BeforeSeen(self.state().forgotten)
    }

    /// Those of whom the store is to be asked when they were last there.
    pub(crate) fn unread(&self, users: &[UserId]) -> Vec<UserId> {
        let state = self.state();
        users.iter().copied().filter(|user| self.is_unread(&state, *user).is_some()).collect()
    }

    /// Whether the store did not say when the user was last there.
    pub(crate) fn is_unanswered(&self, user: UserId) -> bool {
        self.is_unread(&self.state(), user) == Some(Unread::NotAnswered)
    }

    /// Why the store is to be asked when the user was last there, if it is. Of whom may not be seen it is asked while they are here
    /// too: or they would look otherwise once they go.
    pub(super) fn is_unread(&self, state: &State, user: UserId) -> Option<Unread> {
        let seen = state.last_seen.of(user);
        if !self.saves || seen.is_some_and(|seen| !seen.unread) {
            return None;
        }
        let hidden = state.chosen.of(user).is_some_and(|choices| !choices.visible);
        let why = if seen.is_some() { Unread::NotAnswered } else { Unread::NotAsked };
        (hidden || !self.is_here(state, user)).then_some(why)
    }

    /// Those of whom it is to be read what they chose.
    pub(crate) fn undecided(&self, users: &[UserId]) -> Vec<UserId> {
        let state = self.state();
        let unsure = |user| state.last_seen.of(user).is_some_and(|seen| !seen.sure);
        let undecided =
            |user: &UserId| state.chosen.of(*user).is_none() && (self.is_here(&state, *user) || unsure(*user));
        users.iter().copied().filter(undecided).collect()
    }

    /// What the store says of a user; nothing where it did not answer.
    pub(crate) fn learn_seen(&self, user: UserId, at: Option<Option<i64>>, begun: BeforeSeen) {
        let mut state = self.state();
        if begun.0 == state.forgotten {
            state.last_seen.learn(user, at.flatten(), at.is_none());
        }
    }

    /// Nothing of the user is known any more, nor kept. Returns the shards that are to be given a letter.
    pub(crate) fn forget(&self, user: UserId) -> ShardSet {
        let state = &mut *self.state();
        state.forgotten += 1;
        state.leaving.remove(&user);
        state.last_seen.forget(user);
        state.last_seen.learn(user, None, false);
        state.chosen.forget(user);
        if self.saves {
            // Behind what is on its way to the store.
            state.unsaved.put(user, Wanted::Nothing);
        }
        state.stir(user)
    }

    /// Some of those whose record is to be written, at most so many.
    pub(crate) fn take_unsaved(&self, most: usize) -> Vec<Seen> {
        let state = &mut *self.state();
        let wanted = state.unsaved.take(most).into_iter();
        let seen = wanted.filter_map(|(user, wanted)| match (wanted, state.last_seen.of(user)) {
            (Wanted::Nothing, _) => Some(Seen { user, at: None, sure: true }),
            (Wanted::Seen, Some(seen)) if seen.at.is_some() => Some(Seen { user, at: seen.at, sure: seen.sure }),
            // It went out of memory meanwhile, or never was.
            (Wanted::Seen, _) => None,
        });
        seen.collect()
    }

    /// How many users' records wait to be written.
    pub(crate) fn unsaved(&self) -> usize {
        self.state().unsaved.len()
    }

    /// The store did not take these: they are written later, unless something newer waits.
    pub(crate) fn not_saved(&self, seen: impl IntoIterator<Item = Seen>) {
        let state = &mut *self.state();
        for Seen { user, at, .. } in seen {
            if !state.unsaved.waits(user) {
                state.unsaved.put(user, if at.is_some() { Wanted::Seen } else { Wanted::Nothing });
            }
        }
    }

    /// The node stops: whoever is here, or left a moment ago, was last there now.
    pub(crate) fn see_all_off(&self, now: Now) {
        let state = &mut *self.state();
        let left: Vec<UserId> = state.leaving.drain().map(|(user, _)| user).collect();
        for user in left.into_iter().chain(self.directory.users_online()) {
            let visible = state.chosen.of(user).map(|choices| choices.visible);
            if visible != Some(false) {
                self.went(state, user, now.unix(), visible.is_some());
            }
        }
    }
}
