//! What waits for its turn: messages for more recipients than a turn has room for, and what must not overtake them.

use std::{collections::VecDeque, sync::Arc};

use hashbrown::{HashMap, hash_map::Entry};
use roaring::RoaringBitmap;
use tidings_wire::{ConversationKey, MessageId, UserId};

use super::{Slot, mail::Answer};
use crate::delivery::Publication;

/// The lanes of a shard. What waits in them is bounded twice: what came as mail is counted as if it were in the mailbox still
/// (see [`Mailbox::hold`](crate::mailbox::Mailbox::hold)), and each connection has at most one message of its own here,
/// besides the answers that it asked for.
#[derive(Default)]
pub(super) struct Lanes {
    /// None is empty, but for one whose turn it is.
    lanes: HashMap<Order, VecDeque<Waiting>>,
    /// The lanes, in the order of their turns. One whose turn it is has none.
    turns: VecDeque<Order>,
    /// Messages here that came as mail.
    mail: usize,
    /// How many the mailbox was told of.
    told: usize,
}

/// Within what messages keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Order {
    Conversation(ConversationKey),
    /// Those of a user, or of the app itself, that belong to no conversation.
    From(Option<UserId>),
}

pub(super) enum Waiting {
    Message(Fanout),
    /// An acknowledgement, which stands where the sender's message would.
    Answer {
        slot: Slot,
        reference: Option<i64>,
        id: Option<MessageId>,
        answer: Answer,
    },
}

pub(super) struct Fanout {
    pub(super) publication: Arc<Publication>,
    pub(super) left: Left,
    /// The connection that waits for its end; none for what came as mail.
    pub(super) sender: Option<Slot>,
}

/// Whose turn it is next.
pub(super) enum Left {
    /// Users from this index on; none where none has had a turn yet.
    Users(Option<u32>),
    /// The connections at these places that are no newer than number `opened`, from place `from` on.
    Places { places: RoaringBitmap, from: u32, opened: u64 },
}

impl Order {
    pub(super) fn of(publication: &Publication) -> Self {
        publication.stream().map_or(Self::From(publication.content.from), Self::Conversation)
    }
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Whether something waits that must not be overtaken.
    pub(super) fn holds(&self, order: impl FnOnce() -> Order) -> bool {
        // Nothing is looked up where nothing waits at all.
        !self.lanes.is_empty() && self.lanes.contains_key(&order())
    }

    /// How many messages that came as mail wait, where the mailbox was told of another number.
    pub(super) fn mail_to_tell(&mut self) -> Option<usize> {
        let changed = self.mail != std::mem::replace(&mut self.told, self.mail);
        changed.then_some(self.mail)
    }

    pub(super) fn wait(&mut self, order: Order, waiting: Waiting) {
        self.mail += usize::from(waiting.is_mail());
        match self.lanes.entry(order) {
            Entry::Occupied(mut lane) => lane.get_mut().push_back(waiting),
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::from([waiting]));
                self.turns.push_back(order);
            }
        }
    }

    /// What is next in the lane whose turn it is. The lane is held until [`Lanes::put_back`] or [`Lanes::done`].
    pub(super) fn next(&mut self) -> Option<(Order, Waiting)> {
        let order = self.turns.pop_front()?;
        let waiting = self.lanes.get_mut(&order)?.pop_front()?;
        self.mail -= usize::from(waiting.is_mail());
        Some((order, waiting))
    }

    /// It has not reached everyone: it is the first when its lane has its turn again.
    pub(super) fn put_back(&mut self, order: Order, waiting: Waiting) {
        self.mail += usize::from(waiting.is_mail());
        self.lanes.entry(order).or_default().push_front(waiting);
        self.turns.push_back(order);
    }

    /// What was next in this lane is done.
    pub(super) fn done(&mut self, order: Order) {
        if self.lanes.get(&order).is_some_and(|lane| !lane.is_empty()) {
            self.turns.push_back(order);
        } else {
            self.lanes.remove(&order);
        }
        if self.lanes.is_empty() {
            // A flood may have left much room.
            self.lanes.shrink_to(64);
            self.turns.shrink_to(64);
        }
    }
}

impl Waiting {
    fn is_mail(&self) -> bool {
        matches!(self, Self::Message(Fanout { sender: None, .. }))
    }
}
