//! Who is to be saved as seen: what waits for the store.

use std::collections::VecDeque;

use hashbrown::HashMap;
use tidings_wire::UserId;

/// Users whose record is to be written, each once: what is written is how they stand then, so the newest wins. With more than [`USERS`]
/// the one who waited longest is not saved.
#[derive(Default)]
pub(super) struct Unsaved {
    waiting: HashMap<UserId, Wanted>,
    /// At most a few more than twice as many: who waits no more is passed over.
    order: VecDeque<UserId>,
}

/// See [`Unsaved`].
const USERS: usize = 65_536;

/// What is to be written of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// When they were last seen.
    Seen,
    /// That nothing is known of it.
    Nothing,
}

impl Unsaved {
    pub(super) fn put(&mut self, user: UserId, wanted: Wanted) {
        if self.waiting.insert(user, wanted).is_some() {
            return;
        }
        if self.order.len() > 2 * self.waiting.len() + 64 {
            self.order.retain(|waiting| self.waiting.contains_key(waiting) && *waiting != user);
        }
        self.order.push_back(user);
        while self.waiting.len() > USERS
            && let Some(oldest) = self.order.pop_front()
        {
            if self.waiting.remove(&oldest).is_some() {
                crate::metrics::last_seen_dropped();
            }
        }
    }

    /// Nothing is to be written of the user any more; false where nothing was.
    pub(super) fn cancel(&mut self, user: UserId) -> bool {
        self.waiting.remove(&user).is_some()
    }

    /// Those who waited longest, at most so many.
    pub(super) fn take(&mut self, most: usize) -> Vec<(UserId, Wanted)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(user) = self.order.pop_front()
        {
            taken.extend(self.waiting.remove(&user).map(|wanted| (user, wanted)));
        }
        taken
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether something is to be written of the user.
    pub(super) fn waits(&self, user: UserId) -> bool {
        self.waiting.contains_key(&user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_once_the_newest_wins_and_beyond_the_bound_the_oldest_goes() {
        let mut unsaved = Unsaved::default();
        let user = |id: usize| UserId::new(id as u32);
        (0..=USERS).for_each(|id| unsaved.put(user(id), Wanted::Seen));
        unsaved.put(user(1), Wanted::Nothing);
        assert!(unsaved.cancel(user(2)) && !unsaved.cancel(user(2)));
        assert_eq!(unsaved.take(2), [(user(1), Wanted::Nothing), (user(3), Wanted::Seen)]);
        assert_eq!(unsaved.take(USERS).len(), USERS - 3);
        assert_eq!(unsaved.len(), 0);
    }
}
