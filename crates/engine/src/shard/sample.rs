//! How long a message takes from its reading to its writing, told of one at a time.

use std::time::Duration;

use super::{Shard, Slot};
use crate::{clock::Now, delivery::Publication, registry::TypeIndex};

/// The least time between two samples: so measuring costs nothing that could be measured.
const EVERY: Duration = Duration::from_millis(1);

/// The message that is followed, if one is.
#[derive(Default)]
pub(super) struct Samples {
    followed: Option<Followed>,
    /// When the next may be taken up.
    next: Duration,
}

struct Followed {
    /// Its first recipient here.
    slot: Slot,
    kind: TypeIndex,
    since: Duration,
    written: bool,
}

impl Samples {
    /// Whether this one's frames were all written.
    pub(super) fn wrote(&mut self, slot: Slot) {
        if let Some(followed) = self.followed.as_mut().filter(|followed| followed.slot == slot) {
            followed.written = true;
        }
    }
}

impl Shard {
    /// Perhaps follows a publication to the first of those connections, into whose outbox it was put.
    pub(super) fn follow(&mut self, publication: &Publication, to: &[u32], now: Now) {
        if now.mono < self.samples.next || self.samples.followed.is_some() {
            return;
        }
        if let (Some(&index), Some(kind)) = (to.first(), publication.content.kind) {
            let (slot, since) = (self.slot_of(index), publication.since);
            self.samples.followed = Some(Followed { slot, kind, since, written: false });
            self.samples.next = now.mono + EVERY;
        }
    }

    /// Whether the message that is followed was written.
    pub fn has_sample(&self) -> bool {
        self.samples.followed.as_ref().is_some_and(|followed| followed.written)
    }

    /// Tells what was found, if it was written by this moment.
    pub fn tell_sample(&mut self, now: Now) {
        let Some(Followed { slot, kind, since, written }) = self.samples.followed else { return };
        if written {
            self.node.services().registry.at(kind).metrics.written_after(now.mono.saturating_sub(since));
        }
        // One that has gone gets nothing more.
        if written || self.get_mut(slot).is_none() {
            self.samples.followed = None;
        }
    }
}
