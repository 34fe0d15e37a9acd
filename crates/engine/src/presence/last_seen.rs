//! When users were last there, for others' eyes.

use tidings_wire::UserId;

use crate::generations::Generations;

/// Kept in memory: after a restart nothing is known. Of the users who went last at least [`USERS`] are remembered, and at most twice as
/// many; earlier ones look as if they were never there.
pub(super) struct LastSeen(Generations<UserId, Seen>);

/// See [`LastSeen`].
const USERS: usize = 50_000;

#[derive(Clone, Copy)]
struct Seen {
    /// Unix seconds.
    at: i64,
    /// Whether it is known that the user was visible then.
    sure: bool,
}

impl Default for LastSeen {
    fn default() -> Self {
        Self(Generations::new(USERS))
    }
}

impl LastSeen {
    /// When, in Unix seconds, and whether it may be told without knowing more of the user.
    pub(super) fn of(&self, user: UserId) -> Option<(i64, bool)> {
        self.0.get(&user).map(|seen| (seen.at, seen.sure))
    }

    pub(super) fn put(&mut self, user: UserId, at: i64, sure: bool) {
        self.0.put(user, Seen { at, sure });
    }

    /// It has turned out whether the user was visible: what was not sure may be told, or never was.
    pub(super) fn settle(&mut self, user: UserId, visible: bool) {
        match self.0.get_mut(&user).filter(|seen| !seen.sure) {
            Some(seen) if visible => seen.sure = true,
            Some(_) => self.0.remove(&user),
            None => {}
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
        (0..=2 * USERS).for_each(|id| seen.put(user(id), id as i64, true));
        assert_eq!((seen.of(user(0)), seen.of(user(2 * USERS - 1))), (None, Some((2 * USERS as i64 - 1, true))));
        for (visible, then) in [(true, Some((7, true))), (false, None)] {
            seen.put(user(1), 7, false);
            assert_eq!(seen.of(user(1)), Some((7, false)));
            seen.settle(user(1), visible);
            assert_eq!(seen.of(user(1)), then);
        }
    }
}
