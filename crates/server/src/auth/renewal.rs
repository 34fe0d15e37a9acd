//! Tokens that open connections bring to go on longer.

use std::sync::Arc;

use futures_util::FutureExt;
use tidings_engine::{
    clock::SharedClock,
    ports::{BoxFuture, Credentials},
};
use tidings_wire::{Code, Reject, UserId};

use super::identity::{Authenticator, Denied};

/// The engine's port for them, on what every request is checked with.
///
/// When the new token was issued is not remembered with the connection: a sign-out closes every connection of its user, whatever
/// the token, and is stored before it closes. So a renewal either finds it stored, or its connection is there to be closed.
pub(crate) struct Renewals {
    auth: Arc<Authenticator>,
    clock: SharedClock,
}

impl Renewals {
    pub(crate) fn new(auth: Arc<Authenticator>, clock: SharedClock) -> Self {
        Self { auth, clock }
    }
}

impl Credentials for Renewals {
    fn renew(&self, token: String) -> BoxFuture<Result<(UserId, Option<i64>), Reject>> {
        let (auth, now) = (self.auth.clone(), self.clock.now());
        async move {
            let known = auth.user(&token, now).await?;
            Ok((known.user, known.expires_at_ms))
        }
        .boxed()
    }
}

impl From<Denied> for Reject {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::TokensOff => Self::new(Code::NotEnabled, denied.to_string()),
            Denied::Store(_) => {
                denied.log();
                Self::unavailable(super::identity::RETRY)
            }
            denied => Self::new(Code::Unauthorized, denied.to_string()),
        }
    }
}
