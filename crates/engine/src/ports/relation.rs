//! Who stands in a relation to a user or a thing.

use std::time::Duration;

use tidings_wire::{Id, UserId};

use super::{BoxFuture, StoreError};

/// A relation that audiences name ([`Set::Of`](tidings_wire::Set::Of)): the followers of a user, those who have blocked one.
///
/// The engine reads a set in pages when a message names it first, keeps it as a bitmap in the same bounded cache as groups'
/// members, and never asks for one whose messages nobody sends. So a message to a million followers costs what those who are
/// online cost. Any thread may call.
///
/// # Blocks
/// The relation named [`BLOCKED`](tidings_wire::BLOCKED), those whom a user has blocked, has a meaning of its own. Where a pack brings it,
/// the engine asks it for the receiver of each message to a single user, and keeps the two apart:
/// - what is kept in a dm is withheld from the blocker ([`Entry::withheld`](crate::act::Entry::withheld)), as of the send; so is a message
///   that a blocked user edits;
/// - what is not kept and names the blocker as a single user goes past them. Whoever publishes to larger sets leaves people out by
///   [`Audience::less`](tidings_wire::Audience::less);
/// - typing and receipts in a dm, and presence, are silent between the two, whichever of them has blocked the other. A watch is asked about
///   again with each change that is told, or said to be by [`Engine::outdate`](crate::Engine::outdate).
///
/// Members of a group read one another whoever has blocked whom, and see who types there and how far each has read. Where the relation
/// can't be read, what needs it is answered with `unavailable`, and a receipt is not told. To ask who is there of 500 users reads
/// 501 sets, as far as they are not in memory.
pub trait Relation: Send + Sync + 'static {
    /// Those who stand in it to `to`, in ascending order of their ids, above `after`, at most `limit` (1,000, as many rows as one
    /// question of a pack has). A page shorter than `limit`
    /// is the last. What does not exist has none.
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// How old a view of a set may be. None where every change is told in commit order, by
    /// [`Consequences::change`](crate::publish::Consequences::change): such a view never grows old.
    fn max_age(&self) -> Option<Duration>;
}
