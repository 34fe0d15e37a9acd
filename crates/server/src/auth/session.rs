//! The session cookie, for apps that sign their users in with one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, header};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tidings_engine::ports::{Session, SessionResolver, StoreError};
use tidings_wire::UserId;

/// The longest value that is looked up; a longer one is no session.
const MAX_BYTES: usize = 4 * 1024;

/// Finds sessions by the cookie of one name.
pub(super) struct Sessions {
    resolver: Arc<dyn SessionResolver>,
    cookie: String,
    /// Sessions that were found good, by the cookie's SHA-256: at most 10,000, the least recently used go and are looked up
    /// again. None where nothing is to be remembered.
    remembered: Option<Cache<[u8; 32], Found>>,
    /// Counts what was forgotten: what was under way meanwhile is not remembered.
    forgotten: AtomicU64,
}

/// A session that was found good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) session: Session,
    /// The Unix second in which the resolver knew it: a later sign-out refuses it.
    pub(super) found_at: i64,
}

impl Sessions {
    /// `memory` is how long a session that was found good is taken without asking again; zero asks each time.
    pub(super) fn new(resolver: Arc<dyn SessionResolver>, cookie: String, memory: Duration) -> Self {
        let cache = || Cache::builder().max_capacity(10_000).time_to_live(memory).build();
        Self { resolver, cookie, remembered: (!memory.is_zero()).then(cache), forgotten: AtomicU64::new(0) }
    }

    /// The session as it was found a moment ago, if its time is not over at a Unix second.
    pub(super) fn known(&self, cookie: &str, now: i64) -> Option<Found> {
        let found = self.remembered.as_ref()?.get(&hash(cookie))?;
        is_current(&found.session, now).then_some(found)
    }

    /// The cookie's value, if the request carries it.
    pub(super) fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(name, _)| name.trim() == self.cookie).map(|(_, value)| value.trim());
        let value = named.next()?;
        Some(value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value))
    }

    /// The session, or none where there is none or its time is over at a Unix second.
    pub(super) async fn resolve(&self, cookie: &str, now: i64) -> Result<Option<Found>, StoreError> {
        if cookie.is_empty() || cookie.len() > MAX_BYTES {
            return Ok(None);
        }
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        let session = self.resolver.resolve(cookie.to_owned()).await?;
        let found = session.filter(|session| is_current(session, now)).map(|session| Found { session, found_at: now });
        if let Some(remembered) = &self.remembered {
            match found {
                Some(found) if self.forgotten.load(Ordering::SeqCst) == forgotten => {
                    remembered.insert(hash(cookie), found);
                }
                _ => remembered.invalidate(&hash(cookie)),
            }
        }
        Ok(found)
    }

    /// The user's sessions are looked up again before they are taken. Walks through what is remembered: at most 10,000 sessions.
    pub(super) fn forget(&self, user: UserId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        let Some(remembered) = &self.remembered else { return };
        for (hash, found) in remembered {
            if found.session.user == user {
                remembered.invalidate(&*hash);
            }
        }
    }
}

fn is_current(session: &Session, now: i64) -> bool {
    session.expires_at.is_none_or(|end| now < end)
}

/// The cookie itself is not kept.
fn hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie).into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use http::HeaderValue;
    use tidings_engine::ports::BoxFuture;

    fn found(fields: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::COOKIE, HeaderValue::from_static(field));
        }
        let sessions = Sessions::new(
            Arc::new(tidings_engine::volatile::VolatileStore::new("a test")),
            "sid".into(),
            Duration::ZERO,
        );
        sessions.cookie(&headers).map(str::to_owned)
    }

    /// Knows one cookie, until it is deleted, and counts how often it is asked.
    #[derive(Default)]
    struct One {
        deleted: AtomicBool,
        asked: AtomicUsize,
    }

    impl SessionResolver for One {
        fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let known = cookie == "good" && !self.deleted.load(Ordering::SeqCst);
            let session = known.then_some(Session { user: UserId::new(7), expires_at: Some(100) });
            Box::pin(async move { Ok(session) })
        }
    }

    #[tokio::test]
    async fn a_good_session_is_remembered_until_its_end_and_a_bad_one_is_not() {
        let one = Arc::new(One::default());
        let sessions = Sessions::new(one.clone(), "sid".into(), Duration::from_secs(3_600));
        assert_eq!(sessions.known("good", 50), None);
        let found = sessions.resolve("good", 50).await.unwrap().expect("it is known");
        assert_eq!((found.session.user, found.found_at), (UserId::new(7), 50));
        one.deleted.store(true, Ordering::SeqCst);
        assert_eq!(sessions.known("good", 99), Some(found), "without asking, as of when it was found");
        assert_eq!(sessions.known("good", 100), None, "its time is over");
        for _ in 0..2 {
            assert_eq!(sessions.known("bad", 50), None);
            assert_eq!(sessions.resolve("bad", 50).await.unwrap(), None);
        }
        assert_eq!(sessions.resolve("good", 51).await.unwrap(), None);
        assert_eq!(sessions.known("good", 51), None, "what the resolver denies is forgotten");
        assert_eq!(one.asked.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_session_that_is_forgotten_is_asked_for_again() {
        let one = Arc::new(One::default());
        let sessions = Sessions::new(one.clone(), "sid".into(), Duration::from_secs(3_600));
        sessions.resolve("good", 50).await.unwrap();
        sessions.forget(UserId::new(8));
        assert!(sessions.known("good", 51).is_some(), "another user's");
        sessions.forget(UserId::new(7));
        assert_eq!(sessions.known("good", 51), None);
    }

    #[tokio::test]
    async fn without_a_memory_each_request_asks() {
        let one = Arc::new(One::default());
        let sessions = Sessions::new(one.clone(), "sid".into(), Duration::ZERO);
        assert!(sessions.resolve("good", 50).await.unwrap().is_some());
        assert_eq!(sessions.known("good", 50), None);
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_by_its_whole_name() {
        assert_eq!(found(&["a=1; sid=x=y; b=2"]).as_deref(), Some("x=y"));
        assert_eq!(found(&["a=1", "sid=\"quoted\""]).as_deref(), Some("quoted"));
        assert_eq!(found(&["xsid=1; side=2; sid"]), None);
        assert_eq!(found(&[]), None);
    }
}
