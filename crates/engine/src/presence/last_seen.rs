//! When users were last there, for others' eyes.

use tidings_wire::UserId;

use crate::generations::Generations;

/// What is known without asking the store: of at least [`USERS`] who went or were asked about last, and at most twice as many.
pub(super) struct LastSeen(Generations<UserId, Seen>);

/// See [`LastSeen`].
const USERS: usize = 50_000;

/// When a user was last there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Unix seconds; none where nothing is known of it.
    pub(super) at: Option<i64>,
    /// Whether it is known that the user was visible then.
    pub(super) sure: bool,
    /// The store did not say: it is asked again at the next question.
    pub(super) unread: bool,
}

impl Default for LastSeen {
    fn default() -> Self {
        Self(Generations::new(USERS))
    }
}

impl LastSeen {
    /// None where the store is to be asked.
    pub(super) fn of(&self, user: UserId) -> Option<Seen> {
        self.0.get(&user).copied()
    }

    /// The user went at this Unix second.
    pub(super) fn put(&mut self, user: UserId, at: i64, sure: bool) {
        self.0.put(user, Seen { at: Some(at), sure, unread: false });
    }

    /// What the store says of a user of whom nothing newer is known.
    pub(super) fn learn(&mut self, user: UserId, at: Option<i64>, unread: bool) {
        if self.of(user).is_none_or(|seen| seen.unread) {
            self.0.put(user, Seen { at, sure: true, unread });
        }
    }

    /// Nothing is known of the user any more.
    pub(super) fn forget(&mut self, user: UserId) {
        self.0.remove(&user);
    }

    /// It has turned out whether the user was visible: what was not sure may be told, or never was. True where it never was.
    pub(super) fn settle(&mut self, user: UserId, visible: bool) -> bool {
        match self.0.get_mut(&user).filter(|seen| !seen.sure) {
            Some(seen) if visible => {
                seen.sure = true;
                false
            }
            Some(_) => {
                self.0.remove(&user);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_what_was_not_sure_may_turn_out_either_way() {
        let mut seen = LastSeen::default();
        let user = |id: usize| UserId::new(id as u32);
        let at = |at: i64, sure| Some(Seen { at: Some(at), sure, unread: false });
        (0..=2 * USERS).for_each(|id| seen.put(user(id), id as i64, true));
        assert_eq!((seen.of(user(0)), seen.of(user(2 * USERS - 1))), (None, at(2 * USERS as i64 - 1, true)));
        for (visible, then) in [(true, at(7, true)), (false, None)] {
            seen.put(user(1), 7, false);
            assert_eq!(seen.of(user(1)), at(7, false));
            assert_eq!(seen.settle(user(1), visible), !visible);
            assert_eq!(seen.of(user(1)), then);
        }
    }

    #[test]
    fn what_the_store_says_never_overrides_what_came_after_and_is_asked_again_where_it_said_nothing() {
        let mut seen = LastSeen::default();
        let ann = UserId::new(1);
        seen.learn(ann, None, true);
        assert!(seen.of(ann).is_some_and(|seen| seen.unread));
        seen.learn(ann, Some(5), false);
        seen.learn(ann, Some(3), false);
        assert_eq!(seen.of(ann).and_then(|seen| seen.at), Some(5));
        seen.put(ann, 9, false);
        seen.learn(ann, Some(5), false);
        assert_eq!(seen.of(ann), Some(Seen { at: Some(9), sure: false, unread: false }));
        seen.forget(ann);
        assert_eq!(seen.of(ann), None);
    }
}
