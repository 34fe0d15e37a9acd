//! Who stands in a relation to a user or a thing.

use std::time::Duration;

use tidings_wire::{Id, UserId};

use super::{BoxFuture, StoreError};

/// A relation that audiences name ([`Set::Of`](tidings_wire::Set::Of)): the followers of a user, those who have blocked one.
///
/// The engine reads a set in pages when a message names it first, keeps it as a bitmap in the same bounded cache as groups'
/// members, and never asks for one whose messages nobody sends. So a message to a million followers costs what those who are
/// online cost. Any thread may call.
pub trait Relation: Send + Sync + 'static {
    /// Those who stand in it to `to`, in ascending order of their ids, above `after`, at most `limit` (1,000, as many rows as one
    /// question of a pack has). A page shorter than `limit`
    /// is the last. What does not exist has none.
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// How old a view of a set may be. None where every change is told in commit order, by
    /// [`Consequences::change`](crate::publish::Consequences::change): such a view never grows old.
    fn max_age(&self) -> Option<Duration>;
}
