//! What users who are here chose for themselves.

use hashbrown::HashMap;
use tidings_wire::UserId;

use crate::ports::Choices;

/// What was read of users who are online. Of others, and of those whose choices nobody needed yet, nothing is known: then they are read
/// before anything is told that depends on them, never guessed.
#[derive(Default)]
pub(crate) struct Chosen {
    known: HashMap<UserId, Known>,
    /// Counts choices that were made.
    version: u64,
    /// What was read before this version may be out of date, and by whom is not known any more.
    forgotten: u64,
}

struct Known {
    choices: Choices,
    version: u64,
}

/// A moment before a reading: what is chosen after it is newer than what is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BeforeReading(u64);

/// Users whose choices are known. With one more all are forgotten, and read again as they are needed.
const USERS: usize = 100_000;

impl Chosen {
    /// What the user chose, if it is known.
    pub(crate) fn of(&self, user: UserId) -> Option<Choices> {
        self.known.get(&user).map(|known| known.choices)
    }

    /// To be taken before choices are read.
    pub(crate) fn before_reading(&self) -> BeforeReading {
        BeforeReading(self.version)
    }

    /// What was read; false where it may be out of date.
    pub(crate) fn learn(&mut self, user: UserId, choices: Choices, begun: BeforeReading) -> bool {
        let newest = self.known.get(&user).map_or(self.forgotten, |known| known.version);
        if begun.0 < newest {
            return false;
        }
        self.put(user, Known { choices, version: begun.0 });
        true
    }

    /// What the user has just chosen, and the store has taken. Remembered of users who are online.
    pub(crate) fn choose(&mut self, user: UserId, choices: Choices, online: bool) {
        self.version += 1;
        if online {
            let version = self.version;
            self.put(user, Known { choices, version });
        } else {
            self.forget(user);
            self.forgotten = self.version;
        }
    }

    /// The user has gone.
    pub(crate) fn forget(&mut self, user: UserId) {
        if let Some(known) = self.known.remove(&user) {
            self.forgotten = self.forgotten.max(known.version);
        }
        if self.known.capacity() > 4 * self.known.len() + 64 {
            self.known.shrink_to_fit();
        }
    }

    fn put(&mut self, user: UserId, known: Known) {
        if self.known.len() >= USERS && !self.known.contains_key(&user) {
            self.known.clear();
            self.forgotten = self.version;
        }
        self.known.insert(user, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: Choices = Choices { receipts: true, visible: false };

    #[test]
    fn a_reading_never_overrides_what_was_chosen_after_it_began() {
        let ann = UserId::new(1);
        for online in [true, false] {
            let mut chosen = Chosen::default();
            let begun = chosen.before_reading();
            assert_eq!(chosen.of(ann), None);
            chosen.choose(ann, HIDDEN, online);
            assert!(!chosen.learn(ann, Choices::default(), begun));
            assert_eq!(chosen.of(ann), online.then_some(HIDDEN));
            chosen.forget(ann);
            assert!(!chosen.learn(ann, Choices::default(), begun), "nor after the user has gone");
            let begun = chosen.before_reading();
            assert!(chosen.learn(ann, HIDDEN, begun));
            assert_eq!(chosen.of(ann), Some(HIDDEN));
        }
    }

    #[test]
    fn beyond_the_bound_all_are_unknown_and_none_is_guessed() {
        let mut chosen = Chosen::default();
        let begun = chosen.before_reading();
        assert!((0..=USERS as u32).all(|user| chosen.learn(UserId::new(user), HIDDEN, begun)));
        assert_eq!((chosen.of(UserId::new(0)), chosen.of(UserId::new(USERS as u32))), (None, Some(HIDDEN)));
    }
}
