//! What the dispatcher tells connections of `tidings.v1` beside messages: memberships and read marks.

use std::time::Duration;

use tidings_wire::{
    Audience, ConversationKey, Set,
    server_frames::{Frame, Joined, Left, ReadUpTo},
};

use super::{Node, POISONED, Post};
use crate::{
    act::{Membership, ReadMark},
    audience::{From, resolve},
    delivery::Publication,
    pipeline::GROUP_WITH_RECEIPTS,
};

impl Node {
    /// Whoever joined or left learns of it on all connections.
    pub(super) fn tell_member(&self, change: &Membership, since: Duration, outgoing: &mut [Vec<Post>]) {
        let (conversation, head) = (ConversationKey::Group(change.group), change.head);
        let json = match change.joined {
            true => Joined { conversation, head }.to_json(),
            false => Left { conversation, head }.to_json(),
        };
        self.tell(&json, conversation, &Audience::user(change.user), since, outgoing);
    }

    /// A mark has moved: its own user's connections learn what is left, the others of a small conversation how far it is read.
    pub(super) fn tell_reader(&self, mark: ReadMark, since: Duration, outgoing: &mut [Vec<Post>]) {
        let ReadMark { conversation, user, seq, unread } = mark;
        let own = ReadUpTo { conversation, user, seq, unread: Some(unread) }.to_json();
        self.tell(&own, conversation, &Audience::user(user), since, outgoing);
        if self.0.services.chosen.of(user).receipts && self.0.receipts.lock().expect(POISONED).take(mark, since) {
            self.tell_receipt(mark, since, outgoing);
        }
    }

    /// The others of a conversation learn how far a user has read, where there are few of them.
    fn tell_receipt(&self, mark: ReadMark, since: Duration, outgoing: &mut [Vec<Post>]) {
        let ReadMark { conversation, user, seq, .. } = mark;
        if let ConversationKey::Group(group) = conversation {
            let held = self.0.services.members.held(group);
            if held.is_none_or(|group| group.len() > GROUP_WITH_RECEIPTS) {
                return;
            }
        }
        let json = ReadUpTo { conversation, user, seq, unread: None }.to_json();
        self.tell(&json, conversation, &readers_of(conversation).less_user(user), since, outgoing);
    }

    /// Read marks that were told of a moment ago and moved again: called by the dispatcher, which asks when to call next.
    pub(crate) fn tell_receipts(&self, now: Duration) -> Option<Duration> {
        let (due, next) = self.0.receipts.lock().expect(POISONED).due(now);
        if !due.is_empty() {
            let mut outgoing = self.no_posts();
            due.into_iter().for_each(|mark| self.tell_receipt(mark, now, &mut outgoing));
            self.send(outgoing);
        }
        next
    }

    /// Tells connections of `tidings.v1` something that is no message.
    fn tell(&self, json: &[u8], of: ConversationKey, to: &Audience, since: Duration, outgoing: &mut [Vec<Post>]) {
        let services = &self.0.services;
        let find = |group| services.members.held(group);
        let to = resolve(to, From::default(), &services.directory, find, self.all_shards());
        if to.shards != 0 {
            self.post(Publication::notice(json, None, Some(of), to, since), outgoing);
        }
    }
}

/// Everybody in a conversation.
pub(super) fn readers_of(conversation: ConversationKey) -> Audience {
    match conversation {
        ConversationKey::Dm(low, high) => Audience::user(low).and(Set::User(high)),
        ConversationKey::Group(group) => Audience::group(group),
    }
}
