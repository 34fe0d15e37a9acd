//! What a store in memory holds, and how an act changes it.

use std::collections::{BTreeMap, HashMap};

use smallvec::{SmallVec, smallvec};
use tidings_engine::{
    Rollout,
    act::{
        Act, BodyHash, Change, CommitNumber, Entry, First, Membership, Op, Outcome, ReadMark, Receipt, Request,
        Require, Seen,
    },
    ports::{Before, Choices, ConversationPage, Erased, Event, KeyRecord, Reader, StoredMessage},
};
use tidings_wire::{Code, ConversationKey, GroupId, Key, MessageId, Reject, Seq, UserId};

use super::{conversation::Conversation, sessions::StoredSession};

/// What a store in memory holds.
#[derive(Clone, Default)]
pub(super) struct State {
    /// Names this history; `memory` where nothing else was said.
    pub(super) epoch: Option<String>,
    pub(super) last_commit: u64,
    pub(super) last_id: Option<MessageId>,
    pub(super) conversations: BTreeMap<ConversationKey, Conversation>,
    pub(super) sessions: HashMap<String, StoredSession>,
    pub(super) service_keys: BTreeMap<String, KeyRecord>,
    pub(super) revoked: HashMap<UserId, i64>,
    pub(super) rollouts: BTreeMap<String, Rollout>,
    keys: HashMap<(UserId, Key), (Receipt, BodyHash)>,
    requests: HashMap<(Option<UserId>, Key), (First, BodyHash)>,
    /// Where each message stands, in commit order.
    log: Vec<(ConversationKey, Seq)>,
    pub(super) choices: HashMap<UserId, Choices>,
    pub(super) seen: HashMap<UserId, i64>,
}

/// Messages that one call erases.
const ERASED: usize = 2_000;

/// What brings back the state before an act.
struct Undo {
    last_commit: u64,
    last_id: Option<MessageId>,
    /// Those that it touches and can be refused; none for one that was not there.
    conversations: Vec<(ConversationKey, Option<Conversation>)>,
    key: Option<(UserId, Key)>,
    request: Option<(Option<UserId>, Key)>,
}

impl State {
    /// Does an act whole or not at all.
    pub(super) fn settle(&mut self, act: &Act) -> (Option<CommitNumber>, Outcome) {
        if let (Some(sender), Some((key, hash))) = (act.sender, &act.key)
            && let Some((receipt, known)) = self.keyed(sender, key)
        {
            return (None, if known == *hash { Outcome::Duplicate(receipt) } else { Outcome::KeyReused });
        }
        if let Some(Op::Request(Request { key, hash, .. })) = act.ops.first()
            && let Some((first, known)) = self.requested(act.sender, key)
        {
            return (None, if known == *hash { Outcome::Repeated(first) } else { Outcome::KeyReused });
        }
        let unmet = |require: &Require| match require {
            Require::Member(group, user) => !self.is_member(*group, *user),
            _ => true,
        };
        if act.require.iter().any(unmet) {
            return (None, Outcome::Refused(Reject::not_a_member()));
        }
        let possible = |op: &Op| !matches!(op, Op::Sql(_));
        if !act.ops.iter().all(possible) {
            return (None, Outcome::Refused(Reject::new(Code::NotEnabled, "this store runs no SQL")));
        }
        let before = self.before(act);
        self.write(act).unwrap_or_else(|reject| {
            self.undo(before);
            (None, Outcome::Refused(reject))
        })
    }

    pub(super) fn keyed(&self, sender: UserId, key: &Key) -> Option<(Receipt, BodyHash)> {
        self.keys.get(&(sender, key.clone())).cloned()
    }

    pub(super) fn requested(&self, by: Option<UserId>, key: &Key) -> Option<(First, BodyHash)> {
        self.requests.get(&(by, key.clone())).copied()
    }

    /// Forgets the oldest requests.
    pub(super) fn forget_requests(&mut self, before_ms: i64, limit: u32) -> u64 {
        let mut old: Vec<_> =
            self.requests.iter().map(|(name, (first, _))| (first.created_at_ms, name.clone())).collect();
        old.retain(|&(at_ms, _)| at_ms < before_ms);
        old.sort_unstable();
        old.truncate(limit as usize);
        old.iter().filter(|(_, name)| self.requests.remove(name).is_some()).count() as u64
    }

    pub(super) fn since(&self, after: CommitNumber, limit: u32) -> Vec<(CommitNumber, StoredMessage)> {
        self.logged(after).take(limit as usize).collect()
    }

    pub(super) fn written_by(
        &self,
        user: UserId,
        after: CommitNumber,
        limit: u32,
    ) -> Vec<(CommitNumber, StoredMessage)> {
        let own = |(_, message): &(CommitNumber, StoredMessage)| message.sender == Some(user);
        self.logged(after).filter(own).take(limit as usize).collect()
    }

    /// What is shown of the messages and events after a commit.
    fn logged(&self, after: CommitNumber) -> impl Iterator<Item = (CommitNumber, StoredMessage)> + '_ {
        let message = |(at, (key, seq)): (usize, &(ConversationKey, Seq))| {
            let conversation = &self.conversations[key];
            let message = StoredMessage { withheld: conversation.withheld(*seq), ..conversation.shown(*seq)? };
            Some((CommitNumber(at as u64 + 1), message))
        };
        self.log.iter().enumerate().skip(after.0 as usize).filter_map(message)
    }

    /// Erases what a user wrote, or the beginning of it.
    pub(super) fn erase(&mut self, user: UserId) -> Erased {
        let mut rows = self.stored(|message| message.sender == Some(user));
        let more = rows.len() > ERASED;
        rows.truncate(ERASED);
        let messages = self.remove(rows);
        if !more {
            self.conversations.values_mut().for_each(|conversation| conversation.forget_marks(user));
            self.choices.remove(&user);
            self.seen.remove(&user);
            self.requests.retain(|(by, _), _| *by != Some(user));
        }
        Erased { messages, more }
    }

    /// Removes what is of this type and older.
    pub(super) fn prune(&mut self, kind: &str, before_ms: i64, limit: u32) -> u64 {
        let mut rows = self.stored(|message| &*message.kind == kind && message.created_at_ms < before_ms);
        // Those of one moment stay in the order of their commits.
        rows.sort_by_key(|(key, seq)| self.conversations[key].at(*seq).map(|message| message.created_at_ms));
        rows.truncate(limit as usize);
        self.remove(rows)
    }

    fn stored(&self, which: impl Fn(&StoredMessage) -> bool) -> Vec<(ConversationKey, Seq)> {
        let mut found: Vec<_> =
            self.conversations.values().flat_map(|conversation| conversation.stored(&which)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, key, seq)| (key, seq)).collect()
    }

    fn remove(&mut self, rows: Vec<(ConversationKey, Seq)>) -> u64 {
        for (conversation, seq) in &rows {
            let gone = self.conversations.get_mut(conversation).and_then(|conversation| conversation.take(*seq));
            if let Some(StoredMessage { sender: Some(sender), key: Some(key), .. }) = gone {
                self.keys.remove(&(sender, key));
            }
        }
        rows.len() as u64
    }

    pub(super) fn list(&self, of: UserId, before: Option<Before>, limit: u32) -> ConversationPage {
        let mut listed: Vec<_> = self.conversations.values().filter_map(|one| one.listed(of)).collect();
        listed.sort_by_key(|&(place, _)| std::cmp::Reverse(place));
        let start = match before {
            None => 0,
            Some(Before::Touched(at)) => {
                listed.retain(|(_, summary)| summary.touched_at < at);
                0
            }
            Some(Before::Conversation(key)) => listed
                .iter()
                .position(|(_, summary)| summary.conversation == key)
                .map_or(listed.len(), |position| position + 1),
        };
        let more = listed.len() - start > limit as usize;
        let page = listed.into_iter().skip(start).take(limit as usize);
        ConversationPage { conversations: page.map(|(_, summary)| summary).collect(), more }
    }

    /// In the order in which the groups came to be.
    pub(super) fn groups_of(&self, user: UserId, after: Option<GroupId>, limit: u32) -> Vec<GroupId> {
        let number = |group| self.conversations.get(&ConversationKey::Group(group)).map(|one| one.number);
        let Some(after) = after.map_or(Some(0), |after| number(after).map(|number| number + 1)) else {
            return Vec::new();
        };
        let seen = self.conversations.values().filter(|one| one.number >= after && one.listed(user).is_some());
        let mut groups: Vec<_> = seen
            .filter_map(
                |one| if let ConversationKey::Group(group) = one.key { Some((one.number, group)) } else { None },
            )
            .collect();
        groups.sort_unstable();
        groups.into_iter().map(|(_, group)| group).take(limit as usize).collect()
    }

    /// What an act that can be refused in the middle may change.
    fn before(&self, act: &Act) -> Undo {
        let of = |op: &Op| match op {
            Op::Message(entry) => Some(entry.conversation),
            Op::Join(group, _) | Op::Leave(group, _) => Some(ConversationKey::Group(*group)),
            Op::Change(change) => Some(change.conversation),
            Op::Read(conversation, ..) => Some(*conversation),
            _ => None,
        };
        let can_be_refused = act.ops.iter().any(|op| matches!(op, Op::Change(_) | Op::Read(..)));
        let touched = act.ops.iter().filter(|_| can_be_refused).filter_map(of);
        Undo {
            last_commit: self.last_commit,
            last_id: self.last_id,
            conversations: touched.map(|key| (key, self.conversations.get(&key).cloned())).collect(),
            key: act.sender.zip(act.key.as_ref().map(|(key, _)| key.clone())),
            request: match act.ops.first() {
                Some(Op::Request(request)) => Some((act.sender, request.key.clone())),
                _ => None,
            },
        }
    }

    fn undo(&mut self, before: Undo) {
        (self.last_commit, self.last_id) = (before.last_commit, before.last_id);
        self.log.truncate(usize::try_from(before.last_commit).expect("the log is in memory"));
        for (key, conversation) in before.conversations {
            match conversation {
                Some(conversation) => drop(self.conversations.insert(key, conversation)),
                None => drop(self.conversations.remove(&key)),
            }
        }
        if let Some(key) = before.key {
            // It was looked up before: only this act can have taken it.
            self.keys.remove(&key);
        }
        if let Some(request) = before.request {
            self.requests.remove(&request);
        }
    }

    fn write(&mut self, act: &Act) -> Result<(Option<CommitNumber>, Outcome), Reject> {
        let mut reads = smallvec![];
        let mut receipts: SmallVec<[Receipt; 1]> = smallvec![];
        let mut membership = smallvec![];
        let mut commit = None;
        let (mut withheld, mut met) = (Vec::new(), false);
        for op in &act.ops {
            match op {
                Op::Request(Request { key, hash, first }) => {
                    self.requests.insert((act.sender, key.clone()), (*first, *hash));
                }
                Op::Message(entry) => {
                    let key = act.key.as_ref().filter(|_| receipts.is_empty());
                    let (receipt, begins) = self.append(act.sender, key, entry);
                    withheld.extend(self.withheld(&receipt));
                    met |= begins;
                    receipts.push(receipt);
                    commit = Some(CommitNumber(self.last_commit));
                }
                Op::Seen(seen) => self.seen(*seen),
                Op::Join(group, user) => membership.extend(self.member(*group, *user, true)),
                Op::Leave(group, user) => membership.extend(self.member(*group, *user, false)),
                Op::Change(change) => {
                    let receipt = self.change(change)?;
                    withheld.extend(self.withheld(&receipt));
                    receipts.push(receipt);
                    commit = Some(CommitNumber(self.last_commit));
                }
                Op::Read(conversation, user, seq) => reads.extend(self.read(*conversation, *user, *seq)?),
                _ => unreachable!("the caller looked at every operation"),
            }
        }
        Ok((commit, Outcome::Stored { receipts, rows: Vec::new(), membership, reads, withheld, met }))
    }

    /// Who is never shown a message or event.
    fn withheld(&self, of: &Receipt) -> Option<(MessageId, UserId)> {
        Some((of.id, self.conversations.get(&of.conversation)?.withheld(of.seq)?))
    }

    fn change(&mut self, change: &Change) -> Result<Receipt, Reject> {
        let Change { conversation: key, of, by, id, at_ms, .. } = *change;
        let missing = || Reject::not_found("there is no such message");
        let conversation = self.conversations.get_mut(&key).ok_or_else(missing)?;
        let changeable = |message: &&StoredMessage| message.event.is_none() && message.deleted_at_ms.is_none();
        let found = conversation.at(of).filter(changeable).ok_or_else(missing)?;
        if let Some(by) = by {
            if !conversation.sees(Reader::User(by), of) {
                return Err(missing());
            }
            if found.sender != Some(by) {
                return Err(Reject::not_allowed("only its sender changes a message"));
            }
        }
        let receipt = Receipt { id, conversation: key, seq: conversation.head() + 1, created_at_ms: at_ms };
        let target = conversation.at_mut(of).ok_or_else(missing)?;
        let event = match &change.body {
            Some((version, body)) => {
                (target.version, target.body, target.edited_at_ms) = (*version, body.clone(), Some(at_ms));
                Event::Edited(of)
            }
            None => {
                (target.body, target.deleted_at_ms) = ("{}".into(), Some(at_ms));
                Event::Deleted(of)
            }
        };
        let event = StoredMessage {
            seq: receipt.seq,
            id,
            sender: by,
            key: None,
            body: "{}".into(),
            created_at_ms: at_ms,
            edited_at_ms: None,
            deleted_at_ms: None,
            event: Some(event),
            ..target.clone()
        };
        self.last_commit += 1;
        self.last_id = self.last_id.max(Some(id));
        let new = change.withheld.filter(|_| change.body.is_some() && matches!(key, ConversationKey::Dm(..)));
        let withheld = conversation.withheld(of).or(new);
        if let Some(user) = withheld {
            conversation.withhold(of, user);
        }
        conversation.append(self.last_commit, event, withheld);
        self.log.push((key, receipt.seq));
        Ok(receipt)
    }

    fn seen(&mut self, Seen { user, at, sure }: Seen) {
        match at {
            None => drop(self.seen.remove(&user)),
            Some(at) if sure || self.choices.get(&user).is_none_or(|choices| choices.visible) => {
                self.seen.insert(user, at);
            }
            Some(_) => {}
        }
    }

    fn read(&mut self, key: ConversationKey, user: UserId, seq: Seq) -> Result<Option<ReadMark>, Reject> {
        let missing = || Reject::not_found("there is no such conversation");
        let conversation = self.conversations.get_mut(&key).ok_or_else(missing)?;
        let moved = conversation.read(user, seq).map_err(|()| missing())?;
        Ok(moved.map(|seq| ReadMark { conversation: key, user, seq, unread: conversation.unread(user) }))
    }

    fn append(&mut self, sender: Option<UserId>, key: Option<&(Key, BodyHash)>, entry: &Entry) -> (Receipt, bool) {
        self.last_commit += 1;
        self.last_id = self.last_id.max(Some(entry.id));
        let conversation = self.conversation(entry.conversation);
        let receipt = Receipt {
            id: entry.id,
            conversation: entry.conversation,
            seq: conversation.head() + 1,
            created_at_ms: entry.created_at_ms,
        };
        let message = StoredMessage {
            conversation: entry.conversation,
            seq: receipt.seq,
            id: entry.id,
            kind: entry.kind.into(),
            version: entry.version,
            sender,
            key: key.map(|(key, _)| key.clone()),
            body: entry.body.clone(),
            created_at_ms: entry.created_at_ms,
            edited_at_ms: None,
            deleted_at_ms: None,
            event: None,
            withheld: None,
        };
        let commit = self.last_commit;
        let withheld = entry.withheld.filter(|_| matches!(entry.conversation, ConversationKey::Dm(..)));
        let met = self.conversation(entry.conversation).append(commit, message, withheld);
        self.log.push((entry.conversation, receipt.seq));
        if let (Some(sender), Some((key, hash))) = (sender, key) {
            self.keys.insert((sender, key.clone()), (receipt.clone(), *hash));
        }
        (receipt, met)
    }

    fn member(&mut self, group: GroupId, user: UserId, joined: bool) -> Option<Membership> {
        let key = ConversationKey::Group(group);
        let conversation = if joined { self.conversation(key) } else { self.conversations.get_mut(&key)? };
        let changed = if joined { conversation.join(user) } else { conversation.leave(user) };
        changed.then(|| Membership { group, user, joined, head: conversation.head() })
    }

    fn is_member(&self, group: GroupId, user: UserId) -> bool {
        self.conversations.get(&ConversationKey::Group(group)).is_some_and(|group| group.is_member(user))
    }

    fn conversation(&mut self, key: ConversationKey) -> &mut Conversation {
        let number = self.conversations.len() as u64 + 1;
        self.conversations.entry(key).or_insert_with(|| Conversation::new(key, number))
    }
}
