//! Large audiences, a piece a turn: nobody else waits until a message for ten thousand is in all of their outboxes.
//!
//! A message for few goes out at once; so does a large one as long as the turn has pushes left. What is left over waits in a
//! lane: one for each conversation and for each sender of what belongs to none, in which order is kept. Whoever sent such a
//! message sends nothing more until it is done. Lanes take turns, so the smaller audience is done first.

use std::sync::Arc;

use tidings_wire::MessageId;

use super::{
    Shard, Slot,
    lanes::{Fanout, Lanes, Left, Order, Waiting},
    mail::Answer,
    output::Haste,
};
use crate::{clock::Now, delivery::Publication};

/// An audience of so many connections is small: what it is sent goes before all that goes to many.
pub(super) const SMALL_AUDIENCE: usize = 64;

/// Outboxes that messages for many are put into in one turn, about 100 µs of it; the rest waits for the next.
const PUSHES_A_TURN: usize = 1024;

/// Of these, what one lane gets before the next has its turn.
const PUSHES_A_LANE: usize = 256;

/// So many users looked up in vain, because they are on other shards, count as one push.
const LOOKS_A_PUSH: usize = 8;

/// Messages for many that have not reached all of their recipients here.
#[derive(Default)]
pub(super) struct Fanouts {
    lanes: Lanes,
    /// Outboxes filled in this turn.
    pushes: usize,
    /// Senders whose message has reached everyone.
    done: Vec<Slot>,
    /// Senders whose answer stood behind a message for many, and is out.
    answered: Vec<Slot>,
}

/// One lane's share of a turn.
struct Share {
    /// The connections whose turn it is.
    next: Vec<u32>,
    /// In pushes.
    cost: usize,
    /// Whether they were the last.
    ended: bool,
}

impl Fanouts {
    /// Whether nothing waits, and no sender is to be told that its message is done.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty() && self.done.is_empty() && self.answered.is_empty()
    }
}

impl Shard {
    /// Delivers a publication here if this turn has room for it, and if nothing waits that it must not overtake. False where
    /// it is to wait.
    pub(super) fn delivered(&mut self, publication: &Publication, now: Now) -> bool {
        let size = publication.to.about(|topic| self.topics.get(topic).map_or(0, Vec::len));
        let large = size > SMALL_AUDIENCE;
        if (large && self.fanouts.pushes + size > PUSHES_A_TURN) || self.fanouts.lanes.holds(|| Order::of(publication))
        {
            return false;
        }
        if large {
            self.fanouts.pushes += size;
        }
        self.deliver(publication, now);
        true
    }

    /// Delivers a publication later, as turns have room for it. `sender` is told by [`Shard::release_senders`].
    pub(super) fn deliver_later(&mut self, publication: Arc<Publication>, sender: Option<Slot>) {
        let left = if publication.to.watchers.is_none() {
            Left::Users(None)
        } else {
            // A place in the slab takes at most two bytes in a bitmap, a slot eight.
            Left::Places { places: self.recipients(&publication).into_iter().collect(), from: 0, opened: self.opened }
        };
        let order = Order::of(&publication);
        self.fanouts.lanes.wait(order, Waiting::Message(Fanout { publication, left, sender }));
    }

    /// Answers a kept send: behind the messages that came before it in its stream, where they wait.
    pub(super) fn answer_in_order(
        &mut self,
        slot: Slot,
        reference: Option<i64>,
        id: Option<MessageId>,
        answer: Answer,
        now: Now,
    ) {
        let order = match &answer {
            Answer::Stored(Some(receipt)) => Some(Order::Conversation(receipt.conversation)),
            _ => None,
        };
        match order.filter(|&order| self.fanouts.lanes.holds(|| order)) {
            Some(order) => self.fanouts.lanes.wait(order, Waiting::Answer { slot, reference, id, answer }),
            None => self.answer(slot, reference, id, &answer, now),
        }
    }

    /// Whether messages for many have not reached all of their recipients here.
    pub fn is_fanning_out(&self) -> bool {
        !self.fanouts.lanes.is_empty()
    }

    /// How much mail waits here for its turn, where that has changed since the last call: the mailbox counts it as its own.
    pub(crate) fn mail_held(&mut self) -> Option<usize> {
        self.fanouts.lanes.mail_to_tell()
    }

    /// Goes on with what waits, as far as this turn has room for it, and ends the turn. However full it was, one lane gets
    /// its share.
    pub(super) fn go_on_fanning_out(&mut self, now: Now) {
        while let Some((order, waiting)) = self.fanouts.lanes.next() {
            match waiting {
                Waiting::Message(mut fanout) => {
                    if self.fan_out(&mut fanout, now) {
                        self.fanouts.lanes.done(order);
                        self.fanouts.done.extend(fanout.sender);
                    } else {
                        self.fanouts.lanes.put_back(order, Waiting::Message(fanout));
                    }
                }
                Waiting::Answer { slot, reference, id, answer } => {
                    self.fanouts.pushes += 1;
                    self.settle(slot, reference, id, &answer, now);
                    self.fanouts.lanes.done(order);
                    self.fanouts.answered.push(slot);
                }
            }
            if self.fanouts.pushes >= PUSHES_A_TURN {
                break;
            }
        }
        self.fanouts.pushes = 0;
    }

    /// What the connection sent is taken up in the next turn.
    pub(super) fn go_on_later(&mut self, slot: Slot) {
        if self.fanouts.answered.last() != Some(&slot) {
            self.fanouts.answered.push(slot);
        }
    }

    /// Senders whose message has reached everyone, or whose answer is out, send on.
    pub(super) fn release_senders(&mut self, now: Now) {
        for slot in std::mem::take(&mut self.fanouts.done) {
            if let Some(work) = self.get_mut(slot).and_then(|connection| connection.work.as_mut()) {
                work.fanning_out = false;
                self.go_on(slot, now);
            }
        }
        for slot in std::mem::take(&mut self.fanouts.answered) {
            self.go_on(slot, now);
        }
    }

    /// One lane's share of the turn; true where the message has reached everyone.
    fn fan_out(&mut self, fanout: &mut Fanout, now: Now) -> bool {
        let Fanout { publication, left, .. } = fanout;
        if publication.to.everyone {
            // It waited only so as to overtake nothing: the log takes it as a whole, once it has room.
            let crowded = self.is_crowded();
            self.fanouts.pushes += if crowded { PUSHES_A_LANE } else { 1 };
            if !crowded {
                self.deliver(publication, now);
            }
            return !crowded;
        }
        let Share { next, cost, ended } = match left {
            Left::Users(from) => self.next_users(publication, from),
            Left::Places { places, from, opened } => {
                let next: Vec<u32> = places.range(*from..).take(PUSHES_A_LANE).collect();
                *from = next.last().map_or(u32::MAX, |last| last + 1);
                let ended = places.range(*from..).next().is_none();
                Share { cost: next.len(), next: self.still_here(next, *opened), ended }
            }
        };
        self.fanouts.pushes += cost.max(1);
        self.put_into_outboxes(publication, &next, Haste::Bulk, now);
        ended
    }

    /// Those of these places whose connection is open, and no newer than number `opened`.
    fn still_here(&self, mut places: Vec<u32>, opened: u64) -> Vec<u32> {
        places.retain(|&place| {
            let connection = self.connections.get(place as usize);
            connection.is_some_and(|found| found.is_open() && found.details.number <= opened)
        });
        places
    }

    /// The connections of the next users.
    fn next_users(&self, publication: &Publication, from: &mut Option<u32>) -> Share {
        let to = &publication.to;
        let except = self.excepted(publication);
        let heard = |&index: &u32| Some(self.slot_of(index)) != except;
        let mut next = Vec::new();
        if from.is_none() {
            next.extend(to.few.iter().flat_map(|&user| self.users.of(user, &self.connections)).filter(heard));
        }
        let begin = from.unwrap_or(0);
        for (looks, user) in to.many.iter().flat_map(|many| many.range(begin..)).enumerate() {
            let cost = next.len() + looks / LOOKS_A_PUSH;
            if cost >= PUSHES_A_LANE {
                *from = Some(user);
                return Share { next, cost, ended: false };
            }
            next.extend(self.users.of(user, &self.connections).filter(heard));
        }
        Share { cost: next.len(), next, ended: true }
    }
}
