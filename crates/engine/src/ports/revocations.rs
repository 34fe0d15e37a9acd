//! Which tokens were refused before their time.

use tidings_wire::UserId;

use super::{BoxFuture, StoreError};

/// Where it is stored that a user was signed out everywhere.
pub trait Revocations: Send + Sync + 'static {
    /// From now on refuses the user's tokens and sessions that were issued at or before this Unix second. An earlier time than a
    /// stored one changes nothing.
    fn revoke(&self, user: UserId, issued_until: i64) -> BoxFuture<Result<(), StoreError>>;

    /// Tokens of the user that were issued at or before this Unix second are refused.
    fn revoked_until(&self, user: UserId) -> BoxFuture<Result<Option<i64>, StoreError>>;

    /// The users with the latest such seconds, the latest first: at most `limit` of them, and all there are where there are
    /// fewer. Asked every 30 s, so that a connect need not ask.
    fn latest(&self, limit: u32) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>>;
}
