//! Sockets that have more to read than was read of them, in the order of their turns.

use std::collections::VecDeque;

use hashbrown::HashSet;

use crate::shard::Slot;

/// The queue. Each socket stands in it once, so it is as long as there are sockets at most.
#[derive(Default)]
pub(crate) struct Ready {
    queue: VecDeque<Slot>,
    queued: HashSet<Slot>,
}

impl Ready {
    /// This one too is to be read from.
    pub(crate) fn push(&mut self, slot: Slot) {
        if self.queued.insert(slot) {
            self.queue.push_back(slot);
        }
    }

    /// Whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        let slot = self.queue.pop_front()?;
        self.queued.remove(&slot);
        if self.queue.is_empty() {
            self.queue.shrink_to(1024);
            self.queued.shrink_to(1024);
        }
        Some(slot)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_socket_has_one_turn_at_a_time() {
        let slot = |index| Slot { index, generation: 1 };
        let mut ready = Ready::default();
        [1, 2, 1, 1, 3, 2].into_iter().for_each(|index| ready.push(slot(index)));
        assert_eq!(ready.pop(), Some(slot(1)));
        ready.push(slot(1));
        let rest: Vec<_> = std::iter::from_fn(|| ready.pop()).collect();
        assert_eq!(rest, [2, 3, 1].map(slot));
        assert!(ready.is_empty());
    }
}
