//! The inbox of a connection that resumes: what changed in it while the connection was away is read and sent, and then what changes
//! is sent as it comes.
//!
//! Why nothing is lost and nothing doubled. The connection is in the directory before anything is read for it, and whoever tells of
//! a change does so after its commit. So a change that a reading does not see is committed later, and told later: it comes here.
//! Until the inbox is live such a change is dropped and its seq noted, and the inbox is read again from where the last reading
//! ended. No frame is held: a reading shows each row as it stands, with its last change, and what was noted is that change or an
//! earlier one of the same row. The inbox goes live in the turn in which a reading has reached all that was noted. What is still on
//! its way then and was seen by the reading has a seq of at most that; so whoever is told of one user's changes in ascending order
//! hears none of them twice. Where it never comes to rest, or more changed than is replayed, `resumed.inbox` names the last change
//! that is known of: everything up to there is in the pages, everything above it comes live.
//! What a reading saw and is told later than [`SETTLE`](super::session::SETTLE) after the resume is sent twice, and known by its seq.

use std::collections::VecDeque;

use tidings_wire::{
    Seq, StreamKey,
    server_frames::{InboxBehind, InboxHead, Reset, ResetReason},
};

use super::{Shard, output::Haste, session::MAX_ROUNDS};
use crate::{
    clock::Now,
    ports::{InboxChange, InboxChanges},
    websocket::encoder,
};

/// How far a connection has come with its user's inbox.
#[derive(Debug, Default)]
pub(super) struct InboxReplay {
    /// All up to here is sent, or named in `resumed.inbox`.
    at: Seq,
    /// The highest change that is known of.
    known: Seq,
    /// What a reading found and the outbox had no room for yet: at most a page.
    changes: VecDeque<InboxChange>,
    /// The reading came to the head that it saw, and that was it.
    seen: Option<Seq>,
    /// What was removed meanwhile is known no more: the pages alone say what is there.
    forgotten: bool,
    /// Readings that came to their end: with [`MAX_ROUNDS`] it goes live all the same.
    rounds: u8,
    /// What changes is sent as it comes, if it is above `at`.
    live: bool,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// This goes out.
    Send(InboxChange),
    /// More is to be read.
    Read,
    /// All is sent.
    Live,
    /// More is known of than is sent.
    Behind,
    /// Nothing, until there is room.
    Wait,
}

impl InboxReplay {
    /// Where the inbox stands, and what of it the client holds: nothing said counts as all. Says what is wrong with what is held.
    pub(super) fn begin(&mut self, held: Option<Seq>, stands: Option<InboxHead>, same_epoch: bool) -> Option<Reset> {
        let head = stands.map_or(0, |stands| stands.head);
        // Where nothing keeps an inbox nothing comes either.
        self.live = stands.is_none();
        self.known = self.known.max(head);
        let fits = |&held: &Seq| same_epoch && held <= head;
        self.at = held.filter(fits).unwrap_or(head);
        let reset = Reset { conversation: StreamKey::Inbox, reason: ResetReason::Epoch, oldest: 0, head };
        held.is_some_and(|held| !fits(&held)).then_some(reset)
    }

    /// Whether a change that is told of goes out.
    pub(super) fn passes(&mut self, seq: Seq) -> bool {
        self.known = self.known.max(seq);
        self.live && seq > self.at
    }

    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// All up to here is sent.
    pub(super) fn at(&self) -> Seq {
        self.at
    }

    fn found(&mut self, found: InboxChanges) {
        // A page of nothing that has more behind it comes to no end: such readings are counted, or they would go on for ever.
        let ended = !found.more;
        self.rounds += u8::from(ended || found.changes.is_empty());
        self.known = self.known.max(found.head);
        self.forgotten |= found.forgotten;
        self.seen = ended.then_some(found.head);
        self.changes = found.changes.into();
    }

    fn next(&mut self, left: usize, full: bool) -> Next {
        if !self.changes.is_empty() {
            let Some(change) = self.changes.pop_front_if(|_| !full) else { return Next::Wait };
            self.at = self.at.max(change.seq);
            return Next::Send(change);
        }
        if std::mem::take(&mut self.forgotten) {
            self.at = self.at.min(self.known.saturating_sub(1));
            return Next::Behind;
        }
        // What lies between the last change and the head is skipped.
        self.at = self.at.max(self.seen.take().unwrap_or(0));
        if self.at >= self.known {
            Next::Live
        } else if left == 0 || self.rounds >= MAX_ROUNDS {
            Next::Behind
        } else if full {
            Next::Wait
        } else {
            Next::Read
        }
    }
}

impl Shard {
    /// Takes what a reading found; it is sent as the outbox has room.
    pub(super) fn replay_inbox(&mut self, index: u32, found: InboxChanges, now: Now) {
        let Some(resume) = self.resume_of(index) else { return };
        resume.inbox.found(found);
        self.go_on_resuming(index, now);
    }

    /// Takes the next step with the inbox, as long as at most half of the outbox is full; false where something is to be waited for.
    pub(super) fn go_on_with_inbox(&mut self, index: u32, now: Now) -> bool {
        let full = self.connections[index as usize].outbox.queued_bytes() > self.node.services().settings.half_outbox();
        let Some(resume) = self.resume_of(index) else { return false };
        match resume.inbox.next(resume.left, full) {
            Next::Send(change) => {
                resume.left = resume.left.saturating_sub(1);
                self.push(index, encoder::text(&replayed(&change.json)), Haste::Bulk, now);
            }
            Next::Read => self.begin_resuming(index, now),
            Next::Live => resume.inbox.live = true,
            Next::Behind => {
                let inbox = &mut resume.inbox;
                (inbox.at, inbox.live) = (inbox.known, true);
                resume.inbox_behind = Some(InboxBehind { head: inbox.at });
            }
            Next::Wait => return false,
        }
        self.resume_of(index).is_some_and(|resume| resume.reading.is_none())
    }
}

/// The frame, with the mark of one that is sent again.
fn replayed(json: &[u8]) -> Vec<u8> {
    let Some(open) = json.trim_ascii_end().strip_suffix(b"}") else { return json.to_vec() };
    [open, br#","replayed":true}"#].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_is_sent_again_says_so() {
        let again = replayed(br#"{"type":"inbox_state","seq":4} "#);
        assert_eq!(again, br#"{"type":"inbox_state","seq":4,"replayed":true}"#);
    }

    #[test]
    fn an_inbox_that_promises_more_and_gives_nothing_is_given_up() {
        let mut inbox = InboxReplay::default();
        inbox.begin(Some(0), Some(InboxHead { head: 9, ..InboxHead::default() }), true);
        for _ in 0..MAX_ROUNDS {
            assert_eq!(inbox.next(1_000, false), Next::Read);
            inbox.found(InboxChanges { more: true, head: 9, ..InboxChanges::default() });
        }
        assert_eq!(inbox.next(1_000, false), Next::Behind);
    }
}
