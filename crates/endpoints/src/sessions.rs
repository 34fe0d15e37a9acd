//! Who a session cookie belongs to: the backend is shown the cookie.

use http::HeaderValue;
use serde::Deserialize;
use tidings_engine::ports::{BoxFuture, Session, SessionResolver, StoreError};
use tidings_wire::UserId;

use crate::{
    client::{Answer, Endpoints, decode},
    template::Template,
};

/// The endpoint gets the session cookie as a browser would send it, and answers `{"user": 7, "expires": 1750000000}` (Unix seconds;
/// without `expires` the session does not end). `{"user": null}`, 204, 401, 403 and 404 mean that there is no such session.
pub struct EndpointSessions {
    endpoints: Endpoints,
    template: Template,
    cookie: String,
}

#[derive(Deserialize)]
struct Known {
    user: Option<UserId>,
    expires: Option<i64>,
}

impl EndpointSessions {
    /// `cookie` is the name of the cookie.
    pub fn new(endpoints: &Endpoints, template: Template, cookie: impl Into<String>) -> Self {
        Self { endpoints: endpoints.clone(), template, cookie: cookie.into() }
    }
}

impl SessionResolver for EndpointSessions {
    fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        // What can't stand in a cookie (RFC 6265 §4.1.1) was set by nobody's backend, and could add cookies of its own.
        let fits = cookie.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\'));
        let Some(mut header) = HeaderValue::try_from(format!("{}={cookie}", self.cookie)).ok().filter(|_| fits) else {
            return Box::pin(async { Ok(None) });
        };
        header.set_sensitive(true);
        let asked = self.endpoints.ask::<&str>(&self.template, &[], Some(header));
        let setting = self.template.setting().to_owned();
        Box::pin(async move {
            let Answer::Found(body) = asked.await? else { return Ok(None) };
            let known: Known = decode(&setting, &body)?;
            Ok(known.user.map(|user| Session { user, expires_at: known.expires }))
        })
    }
}
