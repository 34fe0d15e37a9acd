//! Who follows, blocks and mutes whom.

use std::time::Duration;

use tidings_wire::UserId;

use super::{BoxFuture, StoreError};

/// How users stand to one another. Built in: the social pack's own tables; else the app's, by SQL or HTTP.
///
/// Pages are in ascending order of ids, above `after`, at most `limit`; one shorter than `limit` is the last. Any thread may call.
pub trait SocialGraph: Send + Sync + 'static {
    /// Those who follow a user and were accepted.
    fn followers(&self, of: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// Those whom a user follows and who accepted it.
    fn following(&self, by: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// Those who hear nothing of what a user does: who blocked the user, whom the user blocked, who muted the user.
    fn apart(&self, from: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// Those whom a user has blocked: what they write to the user is withheld from the user. For the relation
    /// [`BLOCKED`](tidings_wire::BLOCKED).
    fn blocked(&self, by: UserId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// Whether [`blocked`](Self::blocked) can be asked. Where not, blocks keep acts and presence apart, as far as
    /// [`apart`](Self::apart) and [`between`](Self::between) tell of them, and private messages go through.
    fn lists_blocked(&self) -> bool {
        true
    }

    /// How one user stands to another.
    fn between(&self, user: UserId, other: UserId) -> BoxFuture<Result<Between, StoreError>>;

    /// How old what was read may be when it is used. None for tables that only Tidings changes.
    fn max_age(&self) -> Option<Duration>;
}

/// How one user stands to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// The user follows the other, and was accepted.
    pub follows: bool,
    /// The other follows the user, and was accepted.
    pub followed: bool,
    /// The user has blocked the other.
    pub blocks: bool,
    /// The other has blocked the user.
    pub blocked: bool,
    /// The user has muted the other.
    pub mutes: bool,
    /// The other has muted the user.
    pub muted: bool,
}

impl Between {
    /// Whether one has blocked the other.
    pub fn is_blocked(&self) -> bool {
        self.blocks || self.blocked
    }
}
