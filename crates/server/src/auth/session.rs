//! The session cookie, for apps that sign their users in with one.

use std::sync::Arc;

use http::{HeaderMap, header};
use tidings_engine::ports::{Session, SessionResolver, StoreError};

/// The longest value that is looked up; a longer one is no session.
const MAX_BYTES: usize = 4 * 1024;

/// Finds sessions by the cookie of one name.
pub(super) struct Sessions {
    resolver: Arc<dyn SessionResolver>,
    cookie: String,
}

impl Sessions {
    pub(super) fn new(resolver: Arc<dyn SessionResolver>, cookie: String) -> Self {
        Self { resolver, cookie }
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
    pub(super) async fn resolve(&self, cookie: &str, now: i64) -> Result<Option<Session>, StoreError> {
        if cookie.is_empty() || cookie.len() > MAX_BYTES {
            return Ok(None);
        }
        let session = self.resolver.resolve(cookie.to_owned()).await?;
        Ok(session.filter(|session| session.expires_at.is_none_or(|end| now < end)))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(fields: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::COOKIE, HeaderValue::from_static(field));
        }
        let sessions = Sessions::new(Arc::new(tidings_engine::volatile::VolatileStore::new("a test")), "sid".into());
        sessions.cookie(&headers).map(str::to_owned)
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_by_its_whole_name() {
        assert_eq!(found(&["a=1; sid=x=y; b=2"]).as_deref(), Some("x=y"));
        assert_eq!(found(&["a=1", "sid=\"quoted\""]).as_deref(), Some("quoted"));
        assert_eq!(found(&["xsid=1; side=2; sid"]), None);
        assert_eq!(found(&[]), None);
    }
}
