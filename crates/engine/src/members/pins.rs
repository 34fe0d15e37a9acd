//! Users' indices, kept theirs for as long as a set of them is held.

use std::sync::Arc;

use roaring::RoaringBitmap;
use tidings_wire::UserId;

use crate::directory::Directory;

/// Of so many users, letting them go takes longer than a shard's turn may.
const LARGE: u64 = 20_000;

/// A set of users, each pinned once in the directory and let go when the set drops. So whatever ends a read of members, a
/// failure, a panic, or a sender who waits no longer, no pin is left behind.
pub(super) struct Pins {
    directory: Arc<Directory>,
    indices: RoaringBitmap,
}

impl Pins {
    pub(super) fn new(directory: Arc<Directory>) -> Self {
        Self { directory, indices: RoaringBitmap::new() }
    }

    pub(super) fn indices(&self) -> &RoaringBitmap {
        &self.indices
    }

    /// Puts a user in or takes them out. A user who is in already is not pinned twice.
    pub(super) fn set(&mut self, user: UserId, is_in: bool) {
        if is_in {
            let index = self.directory.pin(user);
            if !self.indices.insert(index) {
                self.directory.unpin(index);
            }
        } else if let Some((index, _)) = self.directory.find(user)
            && self.indices.remove(index)
        {
            self.directory.unpin(index);
        }
    }
}

impl Drop for Pins {
    /// A large set is let go by a thread of its own: whoever drops it may be a shard, and others wait for its turn to end.
    fn drop(&mut self) {
        let (directory, indices) = (self.directory.clone(), std::mem::take(&mut self.indices));
        let large = indices.len() > LARGE;
        let unpin = move || indices.iter().for_each(|index| directory.unpin(index));
        if large {
            // Where no thread can be had the indices stay their users': memory, and nothing worse.
            let _ = std::thread::Builder::new().name("unpin".into()).spawn(unpin);
        } else {
            unpin();
        }
    }
}
