//! Users' indices, kept theirs for as long as a set of them is held.

use std::sync::Arc;

use roaring::RoaringBitmap;
use tidings_wire::UserId;

use crate::directory::Directory;

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
    fn drop(&mut self) {
        for index in &self.indices {
            self.directory.unpin(index);
        }
    }
}
