//! Large audiences, a piece a turn: nobody else waits until a message for ten thousand is in all of their outboxes.
//!
//! A message for few goes out at once; so does a large one as long as the turn has pushes left. What is left over waits in a
//! lane: one for each conversation and for each sender of what belongs to none, in which order is kept. Whoever sent such a
//! message sends nothing more until it is done. Lanes take turns, so the smaller audience is done first.

use std::{collections::VecDeque, sync::Arc, vec};

use bytes::Bytes;
use tidings_wire::{ConversationKey, UserId};

use super::{Shard, Slot, output::Haste};
use crate::{clock::Now, delivery::Publication};

/// An audience of so many connections is small: what it is sent goes before all that goes to many.
pub(super) const SMALL_AUDIENCE: usize = 64;

/// Outboxes that messages for many are put into in one turn, about 100 µs of it; the rest waits for the next.
const PUSHES_A_TURN: usize = 1024;

/// Of these, what one lane gets before the next has its turn.
const PUSHES_A_LANE: usize = 256;

/// Messages that wait in lanes. At the bound the shard takes neither input nor mail until there are fewer.
const WAITING: usize = 1024;

/// Messages for many that have not reached all of their recipients here.
#[derive(Default)]
pub(super) struct Fanouts {
    lanes: VecDeque<Lane>,
    waiting: usize,
    /// Outboxes filled in this turn.
    pushes: usize,
    /// Senders whose message has reached everyone.
    done: Vec<Slot>,
}

struct Lane {
    order: Order,
    /// At least one.
    queue: VecDeque<Fanout>,
}

/// Within what messages keep their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Conversation(ConversationKey),
    /// Those of a user, or of the app itself, that belong to no conversation.
    From(Option<UserId>),
}

struct Fanout {
    publication: Arc<Publication>,
    left: Left,
    /// The connection that waits for its end.
    sender: Option<Slot>,
    /// Acknowledgements that stand behind it in the order; at most as many as sends are under way.
    acks: Vec<(Slot, Bytes)>,
}

/// Whose turn it is next.
enum Left {
    /// Users from this index on; none where none has had a turn yet.
    Users(Option<u32>),
    /// These connections, as far as they are still there.
    Connections(vec::IntoIter<Slot>),
}

impl Fanouts {
    /// Whether nothing waits, and no sender is to be told that its message is done.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty() && self.done.is_empty()
    }

    /// Whether so much waits that the shard should take nothing more.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting >= WAITING
    }

    /// Whether something waits that this must not overtake.
    fn holds(&self, publication: &Publication) -> bool {
        // Looked up only when something waits at all.
        !self.lanes.is_empty() && {
            let order = Order::of(publication);
            self.lanes.iter().any(|lane| lane.order == order)
        }
    }

    /// Whether messages of the stream wait.
    pub(super) fn holds_stream(&self, conversation: ConversationKey) -> bool {
        self.lanes.iter().any(|lane| lane.order == Order::Conversation(conversation))
    }

    /// Answers a connection behind what waits of the stream now.
    pub(super) fn answer_later(&mut self, conversation: ConversationKey, slot: Slot, ack: Bytes) {
        let lane = self.lanes.iter_mut().find(|lane| lane.order == Order::Conversation(conversation));
        if let Some(last) = lane.and_then(|lane| lane.queue.back_mut()) {
            last.acks.push((slot, ack));
        }
    }

    fn wait(&mut self, fanout: Fanout) {
        self.waiting += 1;
        let order = Order::of(&fanout.publication);
        match self.lanes.iter_mut().find(|lane| lane.order == order) {
            Some(lane) => lane.queue.push_back(fanout),
            None => self.lanes.push_back(Lane { order, queue: VecDeque::from([fanout]) }),
        }
    }
}

impl Order {
    fn of(publication: &Publication) -> Self {
        publication.stream().map_or(Self::From(publication.content.from), Self::Conversation)
    }
}

impl Shard {
    /// Delivers a publication here if this turn has room for it, and if nothing waits that it must not overtake. False where
    /// it is to wait.
    pub(super) fn delivered(&mut self, publication: &Publication, now: Now) -> bool {
        let size = publication.to.about(|topic| self.topics.get(topic).map_or(0, Vec::len));
        let large = size > SMALL_AUDIENCE;
        if (large && self.fanouts.pushes + size > PUSHES_A_TURN) || self.fanouts.holds(publication) {
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
            let recipients = self.recipients(&publication);
            Left::Connections(recipients.into_iter().map(|index| self.slot_of(index)).collect::<Vec<_>>().into_iter())
        };
        self.fanouts.wait(Fanout { publication, left, sender, acks: Vec::new() });
    }

    /// Whether messages for many have not reached all of their recipients here.
    pub fn is_fanning_out(&self) -> bool {
        !self.fanouts.lanes.is_empty()
    }

    /// Goes on with what waits, as far as this turn has room for it, and ends the turn. However full it was, one lane gets
    /// its share.
    pub(super) fn go_on_fanning_out(&mut self, now: Now) {
        while let Some(mut lane) = self.fanouts.lanes.pop_front() {
            let done = match lane.queue.front_mut() {
                Some(fanout) => self.fan_out(fanout, now),
                None => continue,
            };
            if done {
                self.fanouts.waiting -= 1;
                let Some(Fanout { sender, acks, .. }) = lane.queue.pop_front() else { continue };
                self.fanouts.done.extend(sender);
                for (slot, ack) in acks {
                    if self.get_mut(slot).is_some_and(|connection| connection.is_open()) {
                        self.push(slot.index, ack, Haste::Prompt, now);
                    }
                }
            }
            if !lane.queue.is_empty() {
                self.fanouts.lanes.push_back(lane);
            }
            if self.fanouts.pushes >= PUSHES_A_TURN {
                break;
            }
        }
        self.fanouts.pushes = 0;
    }

    /// Senders whose message has reached everyone send on.
    pub(super) fn release_senders(&mut self, now: Now) {
        for slot in std::mem::take(&mut self.fanouts.done) {
            if let Some(work) = self.get_mut(slot).and_then(|connection| connection.work.as_mut()) {
                work.fanning_out = false;
                self.go_on(slot, now);
            }
        }
    }

    /// One lane's share of the turn; true where the message has reached everyone.
    fn fan_out(&mut self, fanout: &mut Fanout, now: Now) -> bool {
        let Fanout { publication, left, .. } = fanout;
        if publication.to.everyone {
            // It waited only so as to overtake nothing: the log takes it as a whole.
            self.fanouts.pushes += 1;
            self.deliver(publication, now);
            return true;
        }
        let (next, ended) = match left {
            Left::Users(from) => self.next_users(publication, from),
            Left::Connections(slots) => {
                let next: Vec<Slot> = slots.by_ref().take(PUSHES_A_LANE).collect();
                let here = next.into_iter().filter(|&slot| self.get_mut(slot).is_some_and(|found| found.is_open()));
                (here.map(|slot| slot.index).collect(), slots.len() == 0)
            }
        };
        self.fanouts.pushes += next.len().max(1);
        self.put_into_outboxes(publication, &next, Haste::Bulk, now);
        ended
    }

    /// The connections of the next users, and whether they were the last.
    fn next_users(&self, publication: &Publication, from: &mut Option<u32>) -> (Vec<u32>, bool) {
        let to = &publication.to;
        let except = self.excepted(publication);
        let mut found = Vec::new();
        if from.is_none() {
            let few = to.few.iter().flat_map(|&user| self.users.of(user, &self.connections));
            found.extend(few.filter(|&index| Some(self.slot_of(index)) != except));
        }
        let begin = from.unwrap_or(0);
        for user in to.many.iter().flat_map(|many| many.range(begin..)) {
            if found.len() >= PUSHES_A_LANE {
                *from = Some(user);
                return (found, false);
            }
            found.extend(self.users.of(user, &self.connections).filter(|&index| Some(self.slot_of(index)) != except));
        }
        (found, true)
    }
}
