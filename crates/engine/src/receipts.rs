//! Read marks for others' eyes, at most one a second of a user in a conversation: the newest wins.

use std::{collections::VecDeque, time::Duration};

use hashbrown::HashMap;
use tidings_wire::{ConversationKey, UserId};

use crate::act::ReadMark;

/// How often others learn how far a user has read one conversation.
const EVERY: Duration = Duration::from_secs(1);

/// Marks that were told within the last second. With more, a mark is not told to others; the next one says it all.
const MARKS: usize = 65_536;

/// Marks that were told a moment ago.
#[derive(Default)]
pub(crate) struct Receipts {
    told: HashMap<(ConversationKey, UserId), Option<ReadMark>>,
    /// When each of `told` may be told again, in that order.
    due: VecDeque<(Duration, (ConversationKey, UserId))>,
}

impl Receipts {
    /// Whether the mark is to be told now; else it is remembered, if it moves on, until it may be.
    pub(crate) fn take(&mut self, mark: ReadMark, now: Duration) -> bool {
        let place = (mark.conversation, mark.user);
        if let Some(waiting) = self.told.get_mut(&place) {
            *waiting = Some(mark);
            return false;
        }
        if self.told.len() >= MARKS {
            return false;
        }
        self.told.insert(place, None);
        self.due.push_back((now + EVERY, place));
        true
    }

    /// What is to be told by now, and when there may be more.
    pub(crate) fn due(&mut self, now: Duration) -> (Vec<ReadMark>, Option<Duration>) {
        let mut marks = Vec::new();
        while let Some((_, place)) = self.due.pop_front_if(|(at, _)| *at <= now) {
            if let Some(mark) = self.told.remove(&place).flatten() {
                marks.push(mark);
                self.told.insert(place, None);
                self.due.push_back((now + EVERY, place));
            }
        }
        (marks, self.due.front().map(|(at, _)| *at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_told_at_once_and_then_the_newest_once_a_second() {
        let mut receipts = Receipts::default();
        let user = UserId::new(7);
        let mark = |seq| ReadMark { conversation: ConversationKey::dm(user, UserId::new(2)), user, seq, unread: 0 };
        let at = Duration::from_millis;
        assert!(receipts.take(mark(1), at(0)));
        assert!(!receipts.take(mark(2), at(100)) && !receipts.take(mark(3), at(200)));
        assert_eq!(receipts.due(at(999)), (vec![], Some(at(1_000))));
        assert_eq!(receipts.due(at(1_000)), (vec![mark(3)], Some(at(2_000))));
        assert_eq!(receipts.due(at(2_000)), (vec![], None));
        assert!(receipts.take(mark(4), at(2_001)));
    }
}
