//! Reads of large sets that nobody waits for at the moment: whoever sends gives up after some seconds, and comes back.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

use super::{load::Done, named::Named};

/// Reads that are kept at most, each with what it has read so far. The oldest of more is dropped, and begins anew when somebody names its
/// set again.
const KEPT: usize = 4;

const POISONED: &str = "nothing panics while it holds this lock";

/// Keeps the latest reads of relations alive, so that one that takes longer than its sender waits goes on with the next one. A group's
/// pages are larger, and its read is dropped with the last who waits.
#[derive(Default)]
pub(super) struct Unfinished(Mutex<VecDeque<(Named, Done)>>);

impl Unfinished {
    /// Keeps the read. What is returned is to be dropped while no lock is held.
    #[must_use]
    pub(super) fn keep(&self, id: Named, done: &Done) -> Option<(Named, Done)> {
        if matches!(id, Named::Group(_)) {
            return None;
        }
        let mut kept = self.kept();
        let known = kept.iter().position(|(other, _)| *other == id);
        let before = known.and_then(|at| kept.remove(at));
        kept.push_back((id, done.clone()));
        if kept.len() > KEPT { kept.pop_front() } else { before }
    }

    /// The read has ended.
    pub(super) fn let_go(&self, id: Named) {
        let ended = {
            let mut kept = self.kept();
            kept.iter().position(|(other, _)| *other == id).and_then(|at| kept.remove(at))
        };
        drop(ended);
    }

    /// Nobody comes back any more.
    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.kept());
        drop(all);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(Named, Done)>> {
        self.0.lock().expect(POISONED)
    }
}
