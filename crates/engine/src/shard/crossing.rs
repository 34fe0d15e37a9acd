//! Publications for the connections of other shards: handed over once a turn, as one push and at most one wake a shard.

use std::sync::Arc;

use hashbrown::HashSet;

use super::{Shard, Slot};
use crate::{clock::Now, delivery::Publication, directory::ShardSet};

/// Publications that wait for the turn's end. With so many they are handed over at once.
const AT_ONCE: usize = 1024;

/// A publication on its way to other shards.
pub(crate) struct Crossing {
    /// The connection that sent it.
    sender: Slot,
    pub(crate) publication: Arc<Publication>,
    /// The shards that don't have it yet.
    pub(crate) left: ShardSet,
}

impl Shard {
    /// Hands a publication to these shards before the turn ends. A sender whose publication finds a mailbox full sends nothing
    /// more until there is room; so what waits is bounded by what one turn takes in, at most [`AT_ONCE`] more than the senders.
    pub(super) fn cross(&mut self, sender: Slot, publication: Arc<Publication>, to: ShardSet) {
        self.crossings.push(Crossing { sender, publication, left: to });
        if self.crossings.len().is_multiple_of(AT_ONCE) {
            self.hand_over();
        }
    }

    /// Offers the other shards what waits for them, in order. Whoever sent what finds no room is parked.
    pub(super) fn hand_over(&mut self) {
        if self.crossings.is_empty() {
            return;
        }
        self.node.offer(&mut self.crossings, self.id);
        self.crossings.retain(|crossing| crossing.left != 0);
        for at in 0..self.crossings.len() {
            let sender = self.crossings[at].sender;
            let Some(connection) = self.get_mut(sender).filter(|connection| connection.is_open()) else { continue };
            if !std::mem::replace(&mut connection.work().parked, true) {
                self.parked.push(sender);
            }
        }
        self.crossings.shrink_to(AT_ONCE);
    }

    /// Another shard has room again: those who wait for nothing any more send on. What they sent may have been taken before this is
    /// told, so they are remembered by themselves; and whoever found no room is told of it once more.
    pub(super) fn retry_parked(&mut self, now: Now) {
        self.hand_over();
        let left: HashSet<Slot> = self.crossings.iter().map(|crossing| crossing.sender).collect();
        let (still, free): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.parked).into_iter().partition(|s| left.contains(s));
        self.parked = still;
        for sender in free {
            if let Some(work) = self.get_mut(sender).and_then(|connection| connection.work.as_mut()) {
                work.parked = false;
                self.go_on(sender, now);
            }
        }
    }
}
