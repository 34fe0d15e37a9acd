//! One stream and who was in it when.

use std::collections::BTreeMap;

use tidings_engine::{
    act::CommitNumber,
    ports::{ConversationSummary, Event, HistoryPage, Line, Page, Reader, Standing, StoredMessage},
};
use tidings_wire::{ConversationKey, Seq, UserId};

/// Bytes of bodies at which a page stops, with at least one entry.
const PAGE_BYTES: usize = 96 * 1024;

/// One stream and who was in it when.
#[derive(Clone)]
pub(super) struct Conversation {
    pub(super) key: ConversationKey,
    /// Its number in the order of beginning.
    pub(super) number: u64,
    /// Seq n stands at n − 1.
    places: Vec<Place>,
    members: BTreeMap<UserId, Vec<Membership>>,
    /// Of a dm: whether a message came that both are shown.
    shared: bool,
}

/// What a seq was given to.
#[derive(Clone)]
struct Place {
    commit: u64,
    created_at_ms: i64,
    /// None where it is pruned or erased.
    message: Option<StoredMessage>,
    /// The one of a dm who is never shown it.
    withheld: Option<UserId>,
    /// The one from whom it was withheld as it came: nothing has moved for them.
    quiet: Option<UserId>,
}

/// Sees seqs in (joined, left].
#[derive(Clone, Copy)]
struct Membership {
    joined: Seq,
    left: Option<Seq>,
    read: Seq,
    muted_until: Option<i64>,
}

/// Where a conversation stands in a user's list: the commit of the last message that counts, then its own number.
pub(super) type ListPlace = (u64, u64);

impl Conversation {
    pub(super) fn new(key: ConversationKey, number: u64) -> Self {
        Self { key, number, places: Vec::new(), members: BTreeMap::new(), shared: false }
    }

    pub(super) fn head(&self) -> Seq {
        self.places.len() as Seq
    }

    pub(super) fn is_member(&self, user: UserId) -> bool {
        self.current(user).is_some()
    }

    /// Members now, in the order of their ids.
    pub(super) fn members(&self) -> impl Iterator<Item = UserId> + '_ {
        self.members.keys().copied().filter(|&user| self.is_member(user))
    }

    /// Appends; a message moves its sender's mark. True where it is the first of a dm that both are shown.
    pub(super) fn append(&mut self, commit: u64, message: StoredMessage, withheld: Option<UserId>) -> bool {
        let (sender, seq) = (message.sender.filter(|_| message.event.is_none()), message.seq);
        let created_at_ms = message.created_at_ms;
        self.places.push(Place { commit, created_at_ms, message: Some(message), withheld, quiet: withheld });
        let met = self.let_in(withheld);
        if let Some(sender) = sender
            && let Some(mark) = self.last_mut(sender).filter(|last| last.left.is_none())
        {
            mark.read = seq;
        }
        met
    }

    /// The two of a dm are in it from the first message on that both are shown; until then those alone who are shown something.
    fn let_in(&mut self, withheld: Option<UserId>) -> bool {
        let ConversationKey::Dm(low, high) = self.key else { return false };
        for user in [low, high].into_iter().filter(|user| Some(*user) != withheld && !self.shared) {
            let always = Membership { joined: 0, left: None, read: 0, muted_until: None };
            self.members.entry(user).or_insert_with(|| vec![always]);
        }
        withheld.is_none() && !std::mem::replace(&mut self.shared, true)
    }

    /// Whether the two share it: members of a group do.
    pub(super) fn is_shared(&self) -> bool {
        self.shared || matches!(self.key, ConversationKey::Group(_))
    }

    /// The one who is never shown what stands at a seq.
    pub(super) fn withheld(&self, seq: Seq) -> Option<UserId> {
        self.places.get(usize::try_from(seq).ok()?.checked_sub(1)?)?.withheld
    }

    /// Withholds what stands at a seq from now on.
    pub(super) fn withhold(&mut self, seq: Seq, from: UserId) {
        if let Some(place) = usize::try_from(seq).ok().and_then(|seq| self.places.get_mut(seq.checked_sub(1)?)) {
            place.withheld = Some(from);
        }
    }

    /// What is stored at a seq, as it was stored.
    pub(super) fn at(&self, seq: Seq) -> Option<&StoredMessage> {
        self.places.get(usize::try_from(seq).ok()?.checked_sub(1)?)?.message.as_ref()
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, seq: Seq) -> Option<&mut StoredMessage> {
        self.places.get_mut(usize::try_from(seq).ok()?.checked_sub(1)?)?.message.as_mut()
    }

    /// What is stored and meets the condition: commits and places.
    pub(super) fn stored(
        &self,
        which: impl Fn(&StoredMessage) -> bool,
    ) -> impl Iterator<Item = (u64, ConversationKey, Seq)> {
        let found = move |place: &Place| {
            let message = place.message.as_ref().filter(|message| which(message))?;
            Some((place.commit, message.conversation, message.seq))
        };
        self.places.iter().filter_map(found)
    }

    /// Takes away for good what is stored at a seq.
    pub(super) fn take(&mut self, seq: Seq) -> Option<StoredMessage> {
        self.places.get_mut(usize::try_from(seq).ok()?.checked_sub(1)?)?.message.take()
    }

    /// What is stored at a seq as it is shown: events with the body of what they are about. None where nobody is shown it.
    pub(super) fn shown(&self, seq: Seq) -> Option<StoredMessage> {
        let mut message = self.at(seq)?.clone();
        if let Some(Event::Edited(of) | Event::Deleted(of)) = message.event {
            let about = self.at(of);
            let is_there = about.is_some_and(|about| about.deleted_at_ms.is_none());
            if matches!(message.event, Some(Event::Edited(_))) && !is_there {
                return None;
            }
            if let Some(about) = about {
                (message.version, message.body) = (about.version, about.body.clone());
            }
        }
        Some(message)
    }

    /// Whether that changed something.
    pub(super) fn join(&mut self, user: UserId) -> bool {
        if self.is_member(user) {
            return false;
        }
        let head = self.head();
        let before = self.members.entry(user).or_default();
        let unread = before.last().filter(|last| last.left.is_some_and(|left| last.read < left));
        let read = unread.map_or(head, |last| last.read);
        before.push(Membership { joined: head, left: None, read, muted_until: None });
        true
    }

    /// Whether that changed something.
    pub(super) fn leave(&mut self, user: UserId) -> bool {
        let head = self.head();
        let Some(last) = self.last_mut(user).filter(|last| last.left.is_none()) else { return false };
        last.left = Some(head);
        let (joined, read) = (last.joined, last.read);
        if joined == head
            && let Some(memberships) = self.members.get_mut(&user)
        {
            // Nothing came while the user was there.
            memberships.pop();
            match memberships.last_mut() {
                Some(earlier) => earlier.read = earlier.read.max(read),
                None => drop(self.members.remove(&user)),
            }
        }
        true
    }

    /// Moves a mark forward, and says where it stands; `Err` for a user who was never here.
    pub(super) fn read(&mut self, user: UserId, seq: Seq) -> Result<Option<Seq>, ()> {
        let head = self.head();
        let last = self.last_mut(user).ok_or(())?;
        let seq = seq.min(last.left.unwrap_or(head));
        let moves = seq > last.read;
        last.read = last.read.max(seq);
        Ok(moves.then_some(seq))
    }

    /// Mutes it for a user; false where they see nothing of it.
    pub(super) fn mute(&mut self, user: UserId, until: Option<i64>) -> bool {
        self.last_mut(user).map(|membership| membership.muted_until = until).is_some()
    }

    /// The user has read nothing, and muted nothing.
    pub(super) fn forget_marks(&mut self, user: UserId) {
        let all = self.members.get_mut(&user).into_iter().flatten();
        all.for_each(|membership| (membership.read, membership.muted_until) = (0, None));
    }

    pub(super) fn page(&self, reader: Reader, page: Page) -> Option<HistoryPage> {
        (1..=self.head()).find(|&seq| self.sees(reader, seq))?;
        let head = match reader {
            Reader::Service => self.head(),
            Reader::User(user) => self.seat(user)?.left.unwrap_or(self.head()),
        };
        let oldest = self.oldest(reader, head);
        let low = page.after.map_or(oldest, |after| oldest.max(after.saturating_add(1)));
        let high = page.before.map_or(head, |before| head.min(before.saturating_sub(1)));
        let one = |seq: Seq| {
            let shown = Some(seq).filter(|&seq| self.sees(reader, seq)).and_then(|seq| self.shown(seq));
            shown.map_or(Line::Skip { from: seq, to: seq }, Line::Message)
        };
        let mut all: Vec<Line> = Vec::new();
        for line in (low..=high).map(one) {
            match (all.last_mut(), line) {
                (Some(Line::Skip { to: last, .. }), Line::Skip { to, .. }) => *last = to,
                (_, line) => all.push(line),
            }
        }
        if page.after.is_none() {
            all.reverse();
        }
        let kept = fitting(&all, page.limit as usize);
        let more = kept < all.len();
        all.truncate(kept);
        if page.after.is_none() {
            all.reverse();
        }
        Some(HistoryPage { lines: all, oldest, head, more })
    }

    /// Where it stands in a user's list and how; none where it does not.
    pub(super) fn listed(&self, user: UserId) -> Option<(ListPlace, ConversationSummary)> {
        let membership = *self.seat(user)?;
        let head = membership.left.unwrap_or(self.head());
        let decides = self.touched(user, head);
        let seen = || (1..=head).filter(|&seq| self.sees(Reader::User(user), seq)).filter_map(|seq| self.at(seq));
        let counts = |m: &&StoredMessage| m.event.is_none() && m.deleted_at_ms.is_none();
        let summary = ConversationSummary {
            conversation: self.key,
            head,
            read: membership.read,
            unread: self.unread(user),
            touched_at: decides.map_or(0, |place| place.created_at_ms.div_euclid(1_000)),
            muted_until: membership.muted_until,
            last: seen().rfind(counts).cloned(),
        };
        Some(((decides.map_or(0, |place| place.commit), self.number), summary))
    }

    /// Where it stands for a user; none where it does not.
    pub(super) fn standing(&self, user: UserId) -> Option<Standing> {
        let head = self.seat(user)?.left.unwrap_or(self.head());
        let oldest = self.oldest(Reader::User(user), head);
        let touched = CommitNumber(self.touched(user, head).map_or(0, |place| place.commit));
        Some(Standing { oldest, head, touched })
    }

    /// Messages above the user's mark, counted one by one.
    pub(super) fn unread(&self, user: UserId) -> u64 {
        let Some(last) = self.seat(user) else { return 0 };
        let counts = |message: &&StoredMessage| {
            message.event.is_none() && message.deleted_at_ms.is_none() && message.sender != Some(user)
        };
        let above = (last.read + 1..=self.head()).filter(|&seq| self.sees(Reader::User(user), seq));
        above.filter_map(|seq| self.at(seq)).filter(counts).count() as u64
    }

    pub(super) fn sees(&self, reader: Reader, seq: Seq) -> bool {
        let Reader::User(user) = reader else { return true };
        let during =
            |membership: &Membership| membership.joined < seq && membership.left.is_none_or(|left| seq <= left);
        self.withheld(seq) != Some(user)
            && self.members.get(&user).is_some_and(|memberships| memberships.iter().any(during))
    }

    /// What came last for a user.
    fn touched(&self, user: UserId, head: Seq) -> Option<&Place> {
        let came = self.places.get(..usize::try_from(head).ok()?)?;
        came.iter().rfind(|place| place.quiet != Some(user))
    }

    /// The lowest that is stored and seen.
    fn oldest(&self, reader: Reader, head: Seq) -> Seq {
        let is_stored = |&seq: &Seq| self.sees(reader, seq) && self.at(seq).is_some();
        (1..=head).find(is_stored).unwrap_or(head + 1)
    }

    /// The latest membership.
    fn seat(&self, user: UserId) -> Option<&Membership> {
        self.members.get(&user)?.last()
    }

    fn current(&self, user: UserId) -> Option<&Membership> {
        self.seat(user).filter(|last| last.left.is_none())
    }

    fn last_mut(&mut self, user: UserId) -> Option<&mut Membership> {
        self.members.get_mut(&user)?.last_mut()
    }
}

/// How many lines a page takes: at least one, where there is one.
fn fitting(lines: &[Line], limit: usize) -> usize {
    let mut bytes = 0;
    let mut fits = |line: &Line| {
        bytes += if let Line::Message(message) = line { message.body.len() } else { 0 };
        bytes <= PAGE_BYTES
    };
    let fitting = lines.iter().take(limit).take_while(|line| fits(line)).count();
    fitting.max(1).min(limit).min(lines.len())
}
