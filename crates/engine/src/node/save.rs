//! When users were last seen is written: by acts like all else, joined, and never waited for.

use std::collections::VecDeque;

use smallvec::smallvec;

use super::Node;
use crate::act::{Act, Op, Origin};

/// Users in one act.
const USERS: usize = 1_000;

/// Acts in a row: the rest waits for the next time.
pub(crate) const ACTS: usize = 16;

impl Node {
    /// Hands the store what waits of when users were last seen, as far as it has room, at most so many acts.
    pub(crate) fn save_seen(&self, acts: usize) {
        for _ in 0..acts {
            let seen = self.services().presence.take_unsaved(USERS);
            if seen.is_empty() {
                return;
            }
            let ops = seen.into_iter().map(Op::Seen).collect();
            let act = Act { origin: Origin::Nobody, sender: None, key: None, require: smallvec![], ops, project: None };
            let mut acts = VecDeque::from([act]);
            if !self.services().store.submit(&mut acts) {
                acts.iter().for_each(|act| self.not_saved(act));
                return;
            }
        }
    }

    /// The store did not take it: it is tried again.
    pub(super) fn not_saved(&self, act: &Act) {
        let seen = act.ops.iter().filter_map(|op| if let Op::Seen(seen) = op { Some(*seen) } else { None });
        self.services().presence.not_saved(seen);
    }
}
