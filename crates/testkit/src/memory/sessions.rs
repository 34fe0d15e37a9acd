//! Sessions in memory.

use tidings_engine::ports::{BoxFuture, Session, SessionResolver, StoreError};
use tidings_wire::UserId;

use super::store::{MemoryStore, now};

/// A session under the value of its cookie.
#[derive(Clone)]
pub(super) struct StoredSession {
    user: UserId,
    created_at: i64,
    expires_at: i64,
}

impl MemoryStore {
    /// Makes a session that holds until a Unix second, and returns the cookie's value.
    pub fn create_session(&self, user: UserId, expires_at: i64) -> String {
        let mut state = self.state();
        let cookie = format!("session-{}", state.sessions.len() + 1);
        state.sessions.insert(cookie.clone(), StoredSession { user, created_at: self.clock.now().unix(), expires_at });
        cookie
    }

    /// Ends a session; false where there is none.
    pub fn delete_session(&self, cookie: &str) -> bool {
        let mut state = self.state();
        let Some(session) = state.sessions.get_mut(cookie).filter(|session| session.expires_at > i64::MIN) else {
            return false;
        };
        // It stays, ended, so that its name is not given again.
        session.expires_at = i64::MIN;
        true
    }
}

impl SessionResolver for MemoryStore {
    fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        let state = self.state();
        let holds = |session: &&StoredSession| {
            let revoked = state.revoked.get(&session.user);
            session.expires_at > self.clock.now().unix() && revoked.is_none_or(|&until| session.created_at > until)
        };
        let session = state.sessions.get(&cookie).filter(holds);
        now(session.map(|session| Session { user: session.user, expires_at: Some(session.expires_at) }))
    }
}
