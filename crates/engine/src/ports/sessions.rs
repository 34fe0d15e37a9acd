//! Who a session cookie belongs to.

use tidings_wire::UserId;

use super::{BoxFuture, StoreError};

/// The guide's `SessionResolver`: turns the value of the session cookie into a user.
///
/// Called for upgrades and HTTP requests that carry the cookie and no bearer token; a session that was found good is remembered
/// for as long as the server is configured to (10 s), a bad one is not. The value is what the client sent: up to 4 KiB of
/// anything.
pub trait SessionResolver: Send + Sync + 'static {
    /// The session, or none where there is none or its time is over.
    fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>>;
}

/// A session that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: UserId,
    /// When it ends, Unix seconds; the connection is closed with 4402 then.
    pub expires_at: Option<i64>,
}
