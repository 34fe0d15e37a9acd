//! Whoever checks the credentials of connections that are open already.

use tidings_wire::{Reject, UserId};

use super::BoxFuture;

/// Checks tokens that open connections bring to go on longer. Called from shards, one call a connection at a time.
pub trait Credentials: Send + Sync + 'static {
    /// Who the token names, and when it ends (Unix milliseconds; none where it doesn't).
    ///
    /// # Errors
    /// `unauthorized` where it is refused, `not_enabled` where this deployment takes no tokens, `unavailable`.
    fn renew(&self, token: String) -> BoxFuture<Result<(UserId, Option<i64>), Reject>>;
}

/// Takes no tokens: for engines without a server around them.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn renew(&self, _: String) -> BoxFuture<Result<(UserId, Option<i64>), Reject>> {
        Box::pin(async { Err(Reject::new(tidings_wire::Code::NotEnabled, "this server takes no tokens")) })
    }
}
