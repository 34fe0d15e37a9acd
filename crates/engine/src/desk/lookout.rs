//! Which commits were told of, and which stand on the disk and never were.

use std::{collections::VecDeque, ops::RangeInclusive};

use crate::{
    act::{CommitNumber, Op, Outcome, Settled},
    ports::StoredMessage,
};

/// Ranges of commit numbers that nobody told of. With one more the first is forgotten: what stands there is found in the history.
const GAPS: usize = 1_024;

/// Rows of one look.
const ROWS: u32 = 256;

/// What was heard of commits.
///
/// They are told of in their order. So a number below one that was heard, and was not heard itself, is not on its way: either the
/// telling was lost, or there is no such row. A number above all that were heard may be on its way: it is taken for lost when a look
/// has seen it, nothing waited to be dispatched after that, and the next look finds it unheard.
pub(super) struct Lookout {
    /// The highest number that was heard, or delivered late.
    highest: u64,
    /// Numbers below it that were not heard, in order.
    gaps: VecDeque<RangeInclusive<u64>>,
    /// The highest number that the last look saw.
    seen: u64,
    /// Nothing waited to be dispatched at some time since the last look.
    idle: bool,
}

/// What a look asks of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) after: CommitNumber,
    pub(super) limit: u32,
    /// The end of the gap that it is about; none above all that was heard.
    gap: Option<u64>,
}

impl Lookout {
    pub(super) fn new(last_commit: CommitNumber) -> Self {
        Self { highest: last_commit.0, gaps: VecDeque::new(), seen: last_commit.0, idle: false }
    }

    /// A commit is told of.
    pub(super) fn heard(&mut self, settled: &Settled) {
        let Some(CommitNumber(last)) = settled.commit else { return };
        if last <= self.highest {
            return;
        }
        let rows = match &settled.outcome {
            Outcome::Stored { receipts, .. } => receipts.len(),
            // It does not say how many there are, at most all of them.
            _ => settled.act.ops.iter().filter(|op| matches!(op, Op::Message(_) | Op::Change(_))).count(),
        };
        let first = (last + 1).saturating_sub(rows as u64);
        if first > self.highest + 1 {
            if self.gaps.len() >= GAPS {
                self.gaps.pop_front();
            }
            self.gaps.push_back(self.highest + 1..=first - 1);
        }
        self.highest = last;
    }

    /// Nothing waits to be dispatched.
    pub(super) fn idle(&mut self) {
        self.idle = true;
    }

    /// What to ask next: about the first gap, else about what is above all that was heard.
    pub(super) fn question(&self) -> Question {
        match self.gaps.front() {
            Some(gap) => {
                let numbers = gap.end() - gap.start() + 1;
                let limit = u32::try_from(numbers).unwrap_or(ROWS).min(ROWS);
                Question { after: CommitNumber(gap.start() - 1), limit, gap: Some(*gap.end()) }
            }
            None => Question { after: CommitNumber(self.highest), limit: ROWS, gap: None },
        }
    }

    /// What the store said: which rows are to be delivered late, and whether the look is done.
    pub(super) fn answer(
        &mut self,
        question: Question,
        rows: Vec<(CommitNumber, StoredMessage)>,
    ) -> (Vec<StoredMessage>, bool) {
        match question.gap {
            Some(end) => (self.fill(question, end, rows), false),
            None => {
                let full = rows.len() == question.limit as usize;
                let late = self.catch_up(rows);
                // A full page of what was lost is followed by the next.
                let done = !full || late.is_empty();
                (late, done)
            }
        }
    }

    fn fill(&mut self, question: Question, end: u64, rows: Vec<(CommitNumber, StoredMessage)>) -> Vec<StoredMessage> {
        let CommitNumber(after) = question.after;
        // The gap may have been forgotten meanwhile.
        let Some(gap) = self.gaps.front_mut().filter(|gap| *gap.start() == after + 1) else { return Vec::new() };
        match rows.last() {
            Some(&(CommitNumber(last), _)) if rows.len() == question.limit as usize && last < end => {
                *gap = last + 1..=end;
            }
            _ => drop(self.gaps.pop_front()),
        }
        rows.into_iter().filter(|(number, _)| number.0 <= end).map(|(_, row)| row).collect()
    }

    fn catch_up(&mut self, rows: Vec<(CommitNumber, StoredMessage)>) -> Vec<StoredMessage> {
        let (seen, idle) = (self.seen, std::mem::take(&mut self.idle));
        self.seen = rows.last().map_or(self.highest, |(number, _)| number.0).max(seen);
        let mut late = Vec::new();
        for (CommitNumber(number), row) in rows {
            if number <= self.highest {
                // Told of since the question, or in a gap that is asked about next.
                continue;
            }
            if number > seen || !idle {
                break;
            }
            self.highest = number;
            late.push(row);
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use smallvec::{SmallVec, smallvec};
    use tidings_wire::{ConversationKey, MessageId, UserId};

    use super::*;
    use crate::act::{Act, Origin, Receipt};

    fn conversation() -> ConversationKey {
        ConversationKey::dm(UserId::new(1), UserId::new(2))
    }

    fn told(last: u64, rows: u64) -> Settled {
        let act = Act {
            origin: Origin::Nobody,
            sender: None,
            key: None,
            require: SmallVec::new(),
            ops: SmallVec::new(),
            project: None,
        };
        let receipt = |seq| Receipt {
            id: MessageId::from_stored(seq as i64).unwrap(),
            conversation: conversation(),
            seq,
            created_at_ms: 0,
        };
        let receipts = (last + 1 - rows..=last).map(receipt).collect();
        let outcome = Outcome::Stored {
            receipts,
            rows: vec![],
            membership: smallvec![],
            reads: smallvec![],
            withheld: vec![],
            met: false,
        };
        Settled { act, commit: Some(CommitNumber(last)), outcome }
    }

    fn row(number: u64) -> (CommitNumber, StoredMessage) {
        let message = StoredMessage {
            conversation: conversation(),
            seq: number,
            id: MessageId::from_stored(number as i64).unwrap(),
            kind: "private".into(),
            version: 1,
            sender: None,
            key: None,
            body: Bytes::from_static(b"{}"),
            created_at_ms: 0,
            edited_at_ms: None,
            deleted_at_ms: None,
            event: None,
            withheld: None,
        };
        (CommitNumber(number), message)
    }

    /// One look at a disk with these rows: which it delivers.
    fn look(lookout: &mut Lookout, disk: &[u64]) -> Vec<u64> {
        let mut late = Vec::new();
        loop {
            let question = lookout.question();
            let rows = disk.iter().filter(|&&number| number > question.after.0);
            let rows = rows.take(question.limit as usize).map(|&number| row(number)).collect();
            let (found, done) = lookout.answer(question, rows);
            late.extend(found.into_iter().map(|row| row.seq));
            if done {
                return late;
            }
        }
    }

    #[test]
    fn what_is_told_of_is_not_delivered_again() {
        let mut lookout = Lookout::new(CommitNumber(4));
        for last in [5, 8, 9] {
            lookout.heard(&told(last, if last == 8 { 3 } else { 1 }));
        }
        let disk: Vec<u64> = (1..=9).collect();
        for _ in 0..3 {
            lookout.idle();
            assert_eq!(look(&mut lookout, &disk), [0; 0]);
        }
    }

    #[test]
    fn a_gap_is_delivered_at_once_as_far_as_there_is_something_in_it() {
        let mut lookout = Lookout::new(CommitNumber(0));
        [1, 5, 9].into_iter().for_each(|last| lookout.heard(&told(last, 1)));
        assert_eq!(look(&mut lookout, &[1, 3, 4, 5, 9]), [3, 4]);
        assert_eq!(look(&mut lookout, &[1, 3, 4, 5, 9]), [0; 0]);
        lookout.heard(&told(1_000, 1));
        let disk: Vec<u64> = (1..=1_000).collect();
        assert_eq!(look(&mut lookout, &disk), (10..1_000).collect::<Vec<_>>(), "however long it is");
    }

    #[test]
    fn what_is_above_all_is_delivered_when_two_looks_saw_it_and_nothing_waited_in_between() {
        let mut lookout = Lookout::new(CommitNumber(0));
        lookout.idle();
        assert_eq!(look(&mut lookout, &[1, 2]), [0; 0], "it may be on its way");
        assert_eq!(look(&mut lookout, &[1, 2]), [0; 0], "there was no moment in which nothing waited");
        lookout.idle();
        lookout.heard(&told(1, 1));
        assert_eq!(look(&mut lookout, &[1, 2, 3]), [2]);
        lookout.idle();
        assert_eq!(look(&mut lookout, &[1, 2, 3]), [3]);
        lookout.heard(&told(3, 1));
        lookout.idle();
        assert_eq!(look(&mut lookout, &[1, 2, 3]), [0; 0]);
    }

    #[test]
    fn of_too_many_gaps_the_first_is_forgotten() {
        let mut lookout = Lookout::new(CommitNumber(0));
        (1..=GAPS as u64 + 1).for_each(|number| lookout.heard(&told(2 * number, 1)));
        assert_eq!(lookout.gaps.len(), GAPS);
        let disk: Vec<u64> = (1..=2 * GAPS as u64 + 2).collect();
        let late = look(&mut lookout, &disk);
        assert_eq!((late.len(), late[0]), (GAPS, 3));
    }
}
