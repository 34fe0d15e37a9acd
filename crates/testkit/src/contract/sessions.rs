//! The suite of [`SessionResolver`], for sessions that the store keeps itself.

use std::{any::Any, sync::Arc};

use tidings_engine::ports::{Revocations, Session, SessionResolver};
use tidings_wire::UserId;

use super::world::wait;

/// Tests of everything that kept sessions promise. `make` is a function without parameters that returns [`Sessions`].
#[macro_export]
macro_rules! sessions_contract {
    ($make:expr) => {
        $crate::contract_cases!($make, sessions:
            a_cookie_names_its_user
            what_is_no_cookie_names_nobody
            a_session_ends_at_its_time
            a_session_that_was_deleted_names_nobody
            signing_out_everywhere_ends_sessions
        );
    };
}

/// A keeper of sessions under test. Its time is 1,000 at first.
pub struct Sessions {
    /// Resolves cookies.
    pub resolver: Arc<dyn SessionResolver>,
    /// Signs users out everywhere.
    pub revocations: Arc<dyn Revocations>,
    /// Makes a session of a user up to a Unix second, and returns the cookie.
    pub create: Box<dyn Fn(UserId, i64) -> String>,
    /// Ends a session by its cookie; false where there is none.
    pub delete: Box<dyn Fn(&str) -> bool>,
    /// Sets the time, Unix seconds.
    pub set_time: Box<dyn Fn(i64)>,
    /// Must live as long: a folder, a server.
    pub lives: Box<dyn Any>,
}

impl Sessions {
    fn user(&self, cookie: &str) -> Option<Session> {
        wait(self.resolver.resolve(cookie.to_owned()))
    }
}

/// Each session has a cookie of its own.
pub fn a_cookie_names_its_user(sessions: &Sessions) {
    let users = ["2", "7", "0192f0c1-2b3c-7def-8abc-0123456789ab"].map(|id| id.parse::<UserId>().expect("it is an id"));
    let cookies = users.map(|user| (sessions.create)(user, 2_000));
    let other = (sessions.create)(users[0], 3_000);
    assert!(!cookies.contains(&other));
    for (user, cookie) in users.into_iter().zip(&cookies) {
        assert_eq!(sessions.user(cookie), Some(Session { user, expires_at: Some(2_000) }));
    }
    assert_eq!(sessions.user(&other), Some(Session { user: users[0], expires_at: Some(3_000) }));
}

/// Whatever a client may send.
pub fn what_is_no_cookie_names_nobody(sessions: &Sessions) {
    let cookie = (sessions.create)(UserId::new(2), 2_000);
    for wrong in ["", "x", "\0", "' OR 1=1 --", &cookie[1..], &format!("{cookie} "), &"é".repeat(2_048)] {
        assert_eq!(sessions.user(wrong), None, "{wrong:?}");
    }
}

/// At that second it holds no more.
pub fn a_session_ends_at_its_time(sessions: &Sessions) {
    let cookie = (sessions.create)(UserId::new(2), 2_000);
    (sessions.set_time)(1_999);
    assert!(sessions.user(&cookie).is_some());
    (sessions.set_time)(2_000);
    assert_eq!(sessions.user(&cookie), None);
    let next = (sessions.create)(UserId::new(2), 3_000);
    assert!(sessions.user(&next).is_some(), "what has ended is not in the way");
}

/// Deleting twice changes nothing.
pub fn a_session_that_was_deleted_names_nobody(sessions: &Sessions) {
    let [one, other] = [2, 2].map(|user| (sessions.create)(UserId::new(user), 2_000));
    assert!((sessions.delete)(&one));
    assert!(!(sessions.delete)(&one));
    assert_eq!(sessions.user(&one), None);
    assert!(sessions.user(&other).is_some());
}

/// Sessions made at or before that second end, later ones hold, and other users' too.
pub fn signing_out_everywhere_ends_sessions(sessions: &Sessions) {
    let [one, other] = [2, 7].map(|user| (sessions.create)(UserId::new(user), 9_000));
    wait(sessions.revocations.revoke(UserId::new(2), 1_000));
    assert_eq!(sessions.user(&one), None);
    assert!(sessions.user(&other).is_some());
    (sessions.set_time)(1_001);
    let later = (sessions.create)(UserId::new(2), 9_000);
    assert!(sessions.user(&later).is_some());
}
