//! What the dispatcher tells connections of `tidings.v1` beside messages: memberships and read marks.

use std::time::Duration;

use hashbrown::HashMap;
use tidings_wire::{
    Audience, ConversationKey, GroupId, Me, Set, UserId,
    server_frames::{Frame, Joined, Left, ReadUpTo},
};

use super::{Node, POISONED, Post, UNDECIDED_AT_ONCE};
use crate::{
    act::{Membership, ReadMark},
    audience::{From, resolve},
    delivery::{Content, Publication, fields_of},
    members::{Named, Pinned},
    pipeline::GROUP_WITH_RECEIPTS,
    ports::{Line, StoredMessage},
    render,
    shard::{Letter, Mail},
};

impl Node {
    /// Rows that nobody told of go to their streams' readers, the sender's connections included: called by the dispatcher.
    pub(crate) fn deliver_late(&self, rows: Vec<StoredMessage>, groups: &HashMap<GroupId, Pinned>) {
        let services = &self.0.services;
        let since = services.clock.now().mono;
        let mut outgoing = self.no_posts();
        for row in rows {
            let from = From { user: row.sender, index: None, connection: None };
            let audience = readers_of(row.conversation, row.withheld).me(Me::OtherConnections);
            let find = |set| match set {
                Named::Group(group) => groups.get(&group).map(Pinned::again),
                Named::Of(_) => None,
            };
            let to = resolve(&audience, from, &services.directory, find, self.all_shards());
            let place = Some((row.conversation, row.seq));
            let skip = row.withheld.map(|user| ((row.conversation, row.seq), user));
            let kind = services.registry.find(&row.kind);
            let kind = kind.filter(|&kind| services.registry.at(kind).version == row.version);
            let publication = match kind.filter(|_| row.event.is_none() && row.deleted_at_ms.is_none()) {
                Some(kind) => {
                    let content = Content {
                        kind: Some(kind),
                        name: services.registry.at(kind).name,
                        fields: fields_of(&row.body),
                        key: row.key.filter(|key| !key.is_of_service()),
                        id: row.id,
                        from: row.sender,
                        timestamp: row.created_at_ms.div_euclid(1_000),
                        place,
                    };
                    Publication::new(content, to, since)
                }
                None => {
                    let conversation = row.conversation;
                    let line = Line::Message(row);
                    let json = render::line(&services.registry, conversation, &line, render::Style::default());
                    Publication::notice(&json, place, None, to, since)
                }
            };
            self.post(publication, &mut outgoing);
            if let Some((place, user)) = skip {
                self.tell_skip(place, user, since, &mut outgoing);
            }
        }
        self.send(outgoing);
    }

    /// Whoever joined or left learns of it on all connections.
    pub(super) fn tell_member(&self, change: &Membership, since: Duration, outgoing: &mut [Vec<Post>]) {
        let (conversation, head) = (ConversationKey::Group(change.group), change.head);
        let json = match change.joined {
            true => Joined { conversation, head }.to_json(),
            false => Left { conversation, head }.to_json(),
        };
        self.tell(&json, conversation, &Audience::user(change.user), since, outgoing);
        self.doubt_sight_of(change.user, !change.joined, outgoing);
    }

    /// Who left may have shared nothing else with those whom they watch, and who watch them; who joined may share something now. So
    /// may the two of a dm, as of its first message.
    pub(super) fn doubt_sight_of(&self, user: UserId, left: bool, outgoing: &mut [Vec<Post>]) {
        let services = &self.0.services;
        // First, so that whoever begins to watch now learns of it: see `Shard::watches`.
        services.sight.outdate(user);
        let connected = services.directory.find(user).map_or(0, |(_, shards)| shards);
        for (id, _) in self.concerned(connected | services.presence.watched_on(user)) {
            outgoing[id].push(Post::Mail(Mail(Letter::SightOf { user, left })));
        }
    }

    /// A mark has moved: its own user's connections learn what is left, the others of a small conversation how far it is read.
    pub(super) fn tell_reader(&self, mark: ReadMark, since: Duration, outgoing: &mut [Vec<Post>]) {
        let ReadMark { conversation, user, seq, unread } = mark;
        let own = ReadUpTo { conversation, user, seq, unread: Some(unread) }.to_json();
        self.tell(&own, conversation, &Audience::user(user), since, outgoing);
        match self.0.services.presence.chosen(user) {
            Some(choices) if !choices.receipts => {}
            Some(_) if self.tells_receipts_in(conversation).is_some() => self.tell_others(mark, since, outgoing),
            _ => self.undecided(mark),
        }
    }

    /// The others learn how far a user has read who lets them, now or in a moment.
    fn tell_others(&self, mark: ReadMark, since: Duration, outgoing: &mut [Vec<Post>]) {
        if self.0.receipts.lock().expect(POISONED).take(mark, since) {
            self.tell_receipt(mark, since, outgoing);
        }
    }

    /// Some of the marks of users of whom it is not known whether they let others see them.
    pub(crate) fn take_undecided(&self) -> Vec<ReadMark> {
        let mut undecided = self.0.undecided.lock().expect(POISONED);
        let places: Vec<_> = undecided.keys().take(UNDECIDED_AT_ONCE).copied().collect();
        places.iter().filter_map(|place| undecided.remove(place)).collect()
    }

    /// These users let others see how far they have read.
    pub(crate) fn tell_receipts_of(&self, marks: Vec<ReadMark>, now: Duration) {
        let mut outgoing = self.no_posts();
        marks.into_iter().for_each(|mark| self.tell_others(mark, now, &mut outgoing));
        self.send(outgoing);
    }

    /// The others of a conversation learn how far a user has read, where there are few of them.
    fn tell_receipt(&self, mark: ReadMark, since: Duration, outgoing: &mut [Vec<Post>]) {
        let ReadMark { conversation, user, seq, .. } = mark;
        // It may have waited for its second, and the user have chosen otherwise meanwhile, or one of the two blocked the other. Where it
        // is not known it is not told: the next mark says it all.
        if self.0.services.presence.chosen(user).is_some_and(|choices| !choices.receipts)
            || self.tells_receipts_in(conversation) != Some(true)
        {
            return;
        }
        if let ConversationKey::Group(group) = conversation {
            // Who has left reads for themselves.
            let tells =
                |group: &Pinned| group.len() <= GROUP_WITH_RECEIPTS && group.contains(&self.0.services.directory, user);
            if !self.0.services.members.held(group).is_some_and(|group| tells(&group)) {
                return;
            }
        }
        let json = ReadUpTo { conversation, user, seq, unread: None }.to_json();
        let others = readers_of(conversation, Some(user));
        if let Some(told) = self.notice(&json, conversation, &others, since) {
            self.post(told.receipt(), outgoing);
        }
    }

    /// Read marks that were told of a moment ago and moved again: called by the dispatcher, which asks when to call next.
    pub(crate) fn tell_receipts(&self, now: Duration) -> Option<Duration> {
        let (due, next) = self.0.receipts.lock().expect(POISONED).due(now);
        if !due.is_empty() {
            let mut outgoing = self.no_posts();
            for mark in due {
                match self.tells_receipts_in(mark.conversation) {
                    Some(_) => self.tell_receipt(mark, now, &mut outgoing),
                    None => self.undecided(mark),
                }
            }
            self.send(outgoing);
        }
        next
    }

    /// Tells connections of `tidings.v1` something that is no message.
    fn tell(&self, json: &[u8], of: ConversationKey, to: &Audience, since: Duration, outgoing: &mut [Vec<Post>]) {
        if let Some(told) = self.notice(json, of, to, since) {
            self.post(told, outgoing);
        }
    }

    fn notice(&self, json: &[u8], of: ConversationKey, to: &Audience, since: Duration) -> Option<Publication> {
        let services = &self.0.services;
        let find = |set: Named| services.members.held(set);
        let to = resolve(to, From::default(), &services.directory, find, self.all_shards());
        (to.shards != 0).then(|| Publication::notice(json, None, Some(of), to, since))
    }
}

/// Everybody in a conversation, but for one perhaps.
pub(super) fn readers_of(conversation: ConversationKey, less: Option<UserId>) -> Audience {
    let all = match conversation {
        ConversationKey::Dm(low, high) => Audience::user(low).and(Set::User(high)),
        ConversationKey::Group(group) => Audience::group(group),
    };
    less.into_iter().fold(all, Audience::less_user)
}
