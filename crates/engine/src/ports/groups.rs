//! Who belongs to a group.

use std::time::Duration;

use tidings_wire::{GroupId, UserId};

use super::{BoxFuture, StoreError};

/// How old a view of groups that are not the store's own is at most: whoever left a group hears it no longer than this.
pub const GROUPS_MAX_AGE: Duration = Duration::from_secs(30);

/// The guide's `GroupMemberFetcher`: where groups have their members.
///
/// The engine reads a group's members in pages, keeps them as a bitmap in a bounded cache, and changes the bitmap in
/// commit order by the acts ([`crate::act::Op::Join`], [`crate::act::Op::Leave`]) that pass it. Any thread may call.
pub trait Groups: Send + Sync + 'static {
    /// Members in ascending order of their ids, above `after`, at most `limit`. A group that does not exist has none. A
    /// page shorter than `limit` is the last.
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// Whether the groups are the store's own, and so change by acts. Groups from the app's own tables are a view of them; `PUT` and
    /// `DELETE` of their members answer `not_enabled`.
    fn own(&self) -> bool;

    /// How old a view of groups may be that are not the store's own, as the port says at the start. More than [`GROUPS_MAX_AGE`] counts
    /// as that.
    fn max_age(&self) -> Duration {
        GROUPS_MAX_AGE
    }
}
