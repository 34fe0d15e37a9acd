//! What a store in memory holds, and how an act changes it.

use std::collections::{BTreeMap, HashMap};

use smallvec::{SmallVec, smallvec};
use tidings_engine::{
    act::{Act, BodyHash, CommitNumber, Entry, Membership, Op, Outcome, Receipt, Require},
    ports::{Before, ConversationPage, KeyRecord, StoredMessage},
};
use tidings_wire::{Code, ConversationKey, GroupId, Key, MessageId, Reject, Seq, UserId};

use super::{conversation::Conversation, sessions::StoredSession};

/// What a store in memory holds.
#[derive(Default)]
pub(super) struct State {
    pub(super) last_commit: u64,
    pub(super) last_id: Option<MessageId>,
    pub(super) conversations: BTreeMap<ConversationKey, Conversation>,
    pub(super) sessions: HashMap<String, StoredSession>,
    pub(super) service_keys: BTreeMap<String, KeyRecord>,
    pub(super) revoked: HashMap<UserId, i64>,
    keys: HashMap<(UserId, Key), (Receipt, BodyHash)>,
    /// Where each message stands, in commit order.
    log: Vec<(ConversationKey, Seq)>,
}

impl State {
    /// Does an act whole or not at all: whatever can fail is looked at before anything changes.
    pub(super) fn settle(&mut self, act: &Act) -> (Option<CommitNumber>, Outcome) {
        if let (Some(sender), Some((key, hash))) = (act.sender, &act.key)
            && let Some((receipt, known)) = self.keyed(sender, key)
        {
            return (None, if known == *hash { Outcome::Duplicate(receipt) } else { Outcome::KeyReused });
        }
        let unmet = |require: &Require| match require {
            Require::Member(group, user) => !self.is_member(*group, *user),
            _ => true,
        };
        if act.require.iter().any(unmet) {
            return (None, Outcome::Refused(Reject::not_a_member()));
        }
        let possible = |op: &Op| matches!(op, Op::Message(_) | Op::Join(..) | Op::Leave(..));
        if !act.ops.iter().all(possible) {
            return (None, Outcome::Refused(Reject::new(Code::NotEnabled, "this store runs no SQL")));
        }
        self.write(act)
    }

    pub(super) fn keyed(&self, sender: UserId, key: &Key) -> Option<(Receipt, BodyHash)> {
        self.keys.get(&(sender, key.clone())).cloned()
    }

    pub(super) fn since(&self, after: CommitNumber, limit: u32) -> Vec<(CommitNumber, StoredMessage)> {
        let message = |(at, (key, seq)): (usize, &(ConversationKey, Seq))| {
            let (_, message) = &self.conversations[key].messages[*seq as usize - 1];
            (CommitNumber(at as u64 + 1), message.clone())
        };
        self.log.iter().enumerate().skip(after.0 as usize).take(limit as usize).map(message).collect()
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

    fn write(&mut self, act: &Act) -> (Option<CommitNumber>, Outcome) {
        let mut receipts: SmallVec<[Receipt; 1]> = smallvec![];
        let mut membership = smallvec![];
        let mut commit = None;
        for op in &act.ops {
            match op {
                Op::Message(entry) => {
                    let key = act.key.as_ref().filter(|_| receipts.is_empty());
                    receipts.push(self.append(act.sender, key, entry));
                    commit = Some(CommitNumber(self.last_commit));
                }
                Op::Join(group, user) => membership.extend(self.member(*group, *user, true)),
                Op::Leave(group, user) => membership.extend(self.member(*group, *user, false)),
                _ => unreachable!("the caller looked at every operation"),
            }
        }
        (commit, Outcome::Stored { receipts, rows: Vec::new(), membership, reads: smallvec![] })
    }

    fn append(&mut self, sender: Option<UserId>, key: Option<&(Key, BodyHash)>, entry: &Entry) -> Receipt {
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
        };
        let commit = self.last_commit;
        self.conversation(entry.conversation).append(commit, message);
        self.log.push((entry.conversation, receipt.seq));
        if let (Some(sender), Some((key, hash))) = (sender, key) {
            self.keys.insert((sender, key.clone()), (receipt.clone(), *hash));
        }
        receipt
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
