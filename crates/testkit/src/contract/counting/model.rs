//! Streams as plainly as they can be told: every count is a walk through all that there is.

use std::collections::BTreeMap;

use tidings_engine::ports::{Event, Line};

/// One stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    items: Vec<Item>,
    seats: BTreeMap<u32, Seat>,
    /// The two of a dm.
    two: Option<[u32; 2]>,
    /// Whether a message came there that both are shown.
    pub(super) met: bool,
}

/// What a seq was given to.
#[derive(Clone, Debug)]
struct Item {
    sender: Option<u32>,
    kind: &'static str,
    at_ms: i64,
    event: Option<Event>,
    deleted: bool,
    gone: bool,
    /// The one of a dm who is never shown it.
    withheld: Option<u32>,
}

/// Who is or was there: sees seqs in (after, to] of each span.
#[derive(Clone, Debug)]
struct Seat {
    spans: Vec<(u64, Option<u64>)>,
    read: u64,
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    NotFound,
    NotAllowed,
}

impl Stream {
    /// A stream of these two. Each is in it from the first message on that they are shown.
    pub(super) fn dm(users: [u32; 2]) -> Self {
        Self { two: Some(users), ..Self::default() }
    }

    pub(super) fn head(&self) -> u64 {
        self.items.len() as u64
    }

    pub(super) fn is_member(&self, user: u32) -> bool {
        self.seats.get(&user).is_some_and(Seat::is_current)
    }

    pub(super) fn send(&mut self, sender: Option<u32>, kind: &'static str, at_ms: i64, withheld: Option<u32>) {
        self.items.push(Item { sender, kind, at_ms, event: None, deleted: false, gone: false, withheld });
        let head = self.head();
        for user in self.two.into_iter().flatten().filter(|user| withheld != Some(*user)) {
            self.seats.entry(user).or_insert(Seat { spans: vec![(0, None)], read: 0 });
        }
        self.met |= self.two.is_some() && withheld.is_none();
        if let Some(seat) = sender.and_then(|sender| self.seats.get_mut(&sender)).filter(|seat| seat.is_current()) {
            seat.read = head;
        }
    }

    pub(super) fn change(
        &mut self,
        of: u64,
        by: Option<u32>,
        (edit, at_ms): (bool, i64),
        blocker: Option<u32>,
    ) -> Result<(), No> {
        let at = usize::try_from(of).ok().and_then(|of| of.checked_sub(1)).ok_or(No::NotFound)?;
        let item = self.items.get(at).filter(|item| !item.gone && !item.deleted && item.event.is_none());
        let item = item.ok_or(No::NotFound)?.clone();
        if by.is_some_and(|by| !self.sees(by, of)) {
            return Err(No::NotFound);
        }
        if by.is_some() && by != item.sender {
            return Err(No::NotAllowed);
        }
        let withheld = item.withheld.or(blocker.filter(|_| edit));
        self.items[at].deleted = !edit;
        self.items[at].withheld = withheld;
        let event = Some(if edit { Event::Edited(of) } else { Event::Deleted(of) });
        self.items.push(Item { sender: by, kind: item.kind, at_ms, event, deleted: false, gone: false, withheld });
        Ok(())
    }

    /// Where the mark stands and what is unread, if it moved.
    pub(super) fn read(&mut self, user: u32, seq: u64) -> Result<Option<(u64, u64)>, No> {
        let head = self.head();
        let seat = self.seats.get_mut(&user).ok_or(No::NotFound)?;
        let seq = seq.min(seat.head(head));
        if seq <= seat.read {
            return Ok(None);
        }
        seat.read = seq;
        Ok(Some((seq, self.unread(user))))
    }

    pub(super) fn join(&mut self, user: u32) {
        let head = self.head();
        let seat = self.seats.entry(user).or_insert(Seat { spans: Vec::new(), read: head });
        if seat.is_current() {
            return;
        }
        if seat.spans.last().is_none_or(|&(_, left)| Some(seat.read) >= left) {
            seat.read = head;
        }
        seat.spans.push((head, None));
    }

    pub(super) fn leave(&mut self, user: u32) {
        let head = self.head();
        let Some(seat) = self.seats.get_mut(&user).filter(|seat| seat.is_current()) else { return };
        let Some(last) = seat.spans.last_mut() else { return };
        last.1 = Some(head);
        if last.0 == head {
            seat.spans.pop();
        }
        if seat.spans.is_empty() {
            self.seats.remove(&user);
        }
    }

    /// Forgets what the user wrote and read; says how many messages that were.
    pub(super) fn erase(&mut self, user: u32) -> u64 {
        if let Some(seat) = self.seats.get_mut(&user) {
            seat.read = 0;
        }
        let own = self.items.iter_mut().filter(|item| item.sender == Some(user) && !item.gone);
        own.map(|item| item.gone = true).count() as u64
    }

    /// What is to be pruned: times and places.
    pub(super) fn old(&self, kind: &str, before_ms: i64) -> impl Iterator<Item = (i64, usize)> {
        let is = move |(_, item): &(usize, &Item)| item.kind == kind && item.at_ms < before_ms && !item.gone;
        self.items.iter().enumerate().filter(is).map(|(at, item)| (item.at_ms, at))
    }

    pub(super) fn take(&mut self, at: usize) {
        self.items[at].gone = true;
    }

    /// A line of the user's list: (head, read, unread); none where it is not in it.
    pub(super) fn line(&self, user: u32) -> Option<(u64, u64, u64)> {
        let seat = self.seats.get(&user)?;
        Some((seat.head(self.head()), seat.read, self.unread(user)))
    }

    /// The last message that the user sees.
    pub(super) fn last(&self, user: u32) -> Option<u64> {
        (1..=self.head()).rev().find(|&seq| self.sees(user, seq) && self.is_message(seq))
    }

    /// All that the user sees, and the lowest seq of it; none where nothing was ever theirs to see.
    pub(super) fn page(&self, user: u32) -> Option<(u64, Vec<Told>)> {
        (1..=self.head()).find(|&seq| self.sees(user, seq))?;
        let head = self.seats.get(&user)?.head(self.head());
        let is_stored = |&seq: &u64| self.sees(user, seq) && !self.items[seq as usize - 1].gone;
        let oldest = (1..=head).find(is_stored).unwrap_or(head + 1);
        let mut lines: Vec<Told> = Vec::new();
        for seq in oldest..=head {
            let shown = self.sees(user, seq) && self.is_shown(seq);
            match lines.last_mut() {
                Some((_, last, false)) if !shown => *last = seq,
                _ => lines.push((seq, seq, shown)),
            }
        }
        Some((oldest, lines))
    }

    fn unread(&self, user: u32) -> u64 {
        let Some(seat) = self.seats.get(&user) else { return 0 };
        let counts = |&seq: &u64| {
            self.sees(user, seq) && self.is_message(seq) && self.items[seq as usize - 1].sender != Some(user)
        };
        (seat.read + 1..=self.head()).filter(counts).count() as u64
    }

    fn is_message(&self, seq: u64) -> bool {
        let item = &self.items[seq as usize - 1];
        !item.gone && !item.deleted && item.event.is_none()
    }

    fn is_shown(&self, seq: u64) -> bool {
        let item = &self.items[seq as usize - 1];
        let is_edited = |of: u64| self.is_message(of);
        !item.gone && !matches!(item.event, Some(Event::Edited(of)) if !is_edited(of))
    }

    fn sees(&self, user: u32, seq: u64) -> bool {
        let Some(seat) = self.seats.get(&user) else { return false };
        let withheld = usize::try_from(seq).ok().and_then(|seq| self.items.get(seq.checked_sub(1)?)?.withheld);
        withheld != Some(user) && seat.spans.iter().any(|&(after, to)| after < seq && to.is_none_or(|to| seq <= to))
    }
}

impl Seat {
    fn is_current(&self) -> bool {
        self.spans.last().is_some_and(|&(_, left)| left.is_none())
    }

    fn head(&self, of_stream: u64) -> u64 {
        self.spans.last().and_then(|&(_, left)| left).unwrap_or(of_stream)
    }
}

/// A line as the model tells it: from, to, whether something is shown.
pub(super) type Told = (u64, u64, bool);

/// A line as the model tells it.
pub(super) fn told(line: &Line) -> Told {
    match line {
        Line::Message(message) => (message.seq, message.seq, true),
        Line::Skip { from, to } => (*from, *to, false),
    }
}
