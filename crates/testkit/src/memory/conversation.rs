//! One stream and who was in it when.

use std::collections::BTreeMap;

use tidings_engine::ports::{ConversationSummary, HistoryPage, Line, Page, Reader, StoredMessage};
use tidings_wire::{ConversationKey, Seq, UserId};

/// One stream and who was in it when.
pub(super) struct Conversation {
    pub(super) key: ConversationKey,
    /// Its number in the order of beginning.
    pub(super) number: u64,
    /// Seq n stands at n − 1.
    pub(super) messages: Vec<(u64, StoredMessage)>,
    members: BTreeMap<UserId, Vec<Membership>>,
}

/// Sees seqs in (joined, left].
#[derive(Clone, Copy)]
struct Membership {
    joined: Seq,
    left: Option<Seq>,
    read: Seq,
}

/// Where a conversation stands in a user's list: the commit of the last message that counts, then its own number.
pub(super) type Place = (u64, u64);

impl Conversation {
    pub(super) fn new(key: ConversationKey, number: u64) -> Self {
        let mut members = BTreeMap::new();
        if let ConversationKey::Dm(low, high) = key {
            let always = Membership { joined: 0, left: None, read: 0 };
            members = [(low, vec![always]), (high, vec![always])].into();
        }
        Self { key, number, messages: Vec::new(), members }
    }

    pub(super) fn head(&self) -> Seq {
        self.messages.len() as Seq
    }

    pub(super) fn is_member(&self, user: UserId) -> bool {
        self.current(user).is_some()
    }

    /// Members now, in the order of their ids.
    pub(super) fn members(&self) -> impl Iterator<Item = UserId> + '_ {
        self.members.keys().copied().filter(|&user| self.is_member(user))
    }

    /// Appends, and moves the sender's mark.
    pub(super) fn append(&mut self, commit: u64, message: StoredMessage) {
        let (sender, seq) = (message.sender, message.seq);
        self.messages.push((commit, message));
        if let Some(sender) = sender
            && let Some(mark) = self.last_mut(sender).filter(|last| last.left.is_none())
        {
            mark.read = seq;
        }
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
        before.push(Membership { joined: head, left: None, read });
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

    pub(super) fn page(&self, reader: Reader, page: Page) -> Option<HistoryPage> {
        let visible: Vec<_> =
            self.messages.iter().map(|(_, message)| message).filter(|m| self.sees(reader, m.seq)).collect();
        let (oldest, head) = (visible.first()?.seq, visible.last()?.seq);
        let asked: Vec<_> = visible
            .into_iter()
            .filter(|message| page.after.is_none_or(|after| message.seq > after))
            .filter(|message| page.before.is_none_or(|before| message.seq < before))
            .cloned()
            .collect();
        let limit = (page.limit as usize).min(asked.len());
        let more = asked.len() > limit;
        let part = if page.after.is_some() { ..limit } else { ..asked.len() };
        let from = if page.after.is_some() { 0 } else { asked.len() - limit };
        Some(HistoryPage {
            lines: asked[part][from..].iter().cloned().map(Line::Message).collect(),
            oldest,
            head,
            more,
        })
    }

    /// Where it stands in a user's list and how; none where it does not.
    pub(super) fn listed(&self, user: UserId) -> Option<(Place, ConversationSummary)> {
        let membership = *self.members.get(&user)?.last()?;
        let counted = membership.left.unwrap_or(self.head());
        let decides = counted.checked_sub(1).map(|at| &self.messages[at as usize]);
        let sees = |message: &&StoredMessage| self.sees(Reader::User(user), message.seq);
        let seen = || self.messages.iter().map(|(_, message)| message).filter(sees);
        let summary = ConversationSummary {
            conversation: self.key,
            head: counted,
            read: membership.read,
            unread: seen().filter(|m| m.seq > membership.read && m.sender != Some(user)).count() as u64,
            touched_at: decides.map_or(0, |(_, message)| message.created_at_ms.div_euclid(1_000)),
            last: seen().last().cloned(),
        };
        Some(((decides.map_or(0, |&(commit, _)| commit), self.number), summary))
    }

    fn sees(&self, reader: Reader, seq: Seq) -> bool {
        let Reader::User(user) = reader else { return true };
        let during =
            |membership: &Membership| membership.joined < seq && membership.left.is_none_or(|left| seq <= left);
        self.members.get(&user).is_some_and(|memberships| memberships.iter().any(during))
    }

    fn current(&self, user: UserId) -> Option<&Membership> {
        self.members.get(&user)?.last().filter(|last| last.left.is_none())
    }

    fn last_mut(&mut self, user: UserId) -> Option<&mut Membership> {
        self.members.get_mut(&user)?.last_mut()
    }
}
