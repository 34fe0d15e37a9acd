//! What the dispatcher does where one user has blocked another.

use std::time::Duration;

use tidings_wire::{Audience, ConversationKey, Id, Seq, UserId};

use super::{Node, POISONED, Post, UNDECIDED};
use crate::{
    act::{Outcome, ReadMark, Receipt},
    audience::{From, resolve},
    delivery::Publication,
    render,
    shard::{Letter, Mail},
};

impl Node {
    /// In place of what a user is never shown, their connections are told to go on behind it.
    pub(super) fn tell_skip(
        &self,
        place: (ConversationKey, Seq),
        user: UserId,
        since: Duration,
        outgoing: &mut [Vec<Post>],
    ) {
        let (conversation, seq) = place;
        let directory = &self.0.services.directory;
        let to = resolve(&Audience::user(user), From::default(), directory, |_| None, self.all_shards());
        if to.shards != 0 {
            let json = render::skip(conversation, seq, seq);
            self.post(Publication::notice(&json, Some(place), None, to, since), outgoing);
        }
    }

    /// One of the two has blocked the other, or no longer: whom each of them watches is asked again. After a block what each of them
    /// watches else too.
    pub(super) fn doubt_sight_between(&self, one: UserId, other: UserId, blocks: bool, outgoing: &mut [Vec<Post>]) {
        let services = &self.0.services;
        // First, so that whoever begins to watch now learns of it: see `Shard::watches`.
        [one, other].into_iter().for_each(|user| services.sight.outdate(user));
        for (asker, user) in [(one, other), (other, one)] {
            let connected = services.directory.find(asker).map_or(0, |(_, shards)| shards);
            for (id, _) in self.concerned(connected) {
                outgoing[id].push(Post::Mail(Mail(Letter::Sight(asker, user))));
                if blocks {
                    outgoing[id].push(Post::Mail(Mail(Letter::Topics(asker))));
                }
            }
        }
    }

    /// What is remembered of a set of a relation is read again before it is used next. False where there is no such relation.
    pub(crate) fn outdate(&self, relation: &str, to: Id) -> bool {
        let services = &self.0.services;
        let known = services.members.outdate_related(relation, to);
        if known && relation == tidings_wire::BLOCKED {
            let user = UserId(to);
            services.sight.outdate(user);
            for mailbox in self.mailboxes() {
                for left in [true, false] {
                    mailbox.push(Post::Mail(Mail(Letter::SightOf { user, left })));
                }
            }
        }
        known
    }

    /// Whether the others of a conversation learn how far a user has read; none where the blocks of a dm's two are to be read first.
    pub(super) fn tells_receipts_in(&self, conversation: ConversationKey) -> Option<bool> {
        let blocks = self.0.services.blocks.as_ref();
        blocks.map_or(Some(false), |blocks| blocks.within(conversation)).map(|apart| !apart)
    }

    /// Of the mark it is to be read first whether it may be told to others.
    pub(super) fn undecided(&self, mark: ReadMark) {
        let mut undecided = self.0.undecided.lock().expect(POISONED);
        let place = (mark.conversation, mark.user);
        if undecided.len() < UNDECIDED || undecided.contains_key(&place) {
            undecided.insert(place, mark);
        }
    }
}

/// The one of a dm who is never shown what a receipt is about.
pub(super) fn withheld_from(outcome: &Outcome, receipt: &Receipt) -> Option<UserId> {
    let Outcome::Stored { withheld, .. } = outcome else { return None };
    withheld.iter().find(|(id, _)| *id == receipt.id).map(|(_, user)| *user)
}
