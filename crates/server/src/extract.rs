//! What handlers take as arguments, with problem documents where it is wrong.

use axum::{
    extract::{ConnectInfo, FromRequestParts, Path, Query},
    http::request::Parts,
};
use http::{HeaderMap, Method, header, uri::Authority};
use serde::de::DeserializeOwned;
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};
use tidings_wire::{Code, ConversationKey, IdError, Key};

use crate::{
    auth::{Caller, Credential},
    handle::Tidings,
    origin::PageOrigin,
    problem::Problem,
    proxies::Client,
};

impl FromRequestParts<Tidings> for Caller {
    type Rejection = Problem;

    /// # Errors
    /// 401 without a good credential; 403 for a request by cookie that changes something and does not say, by `Origin`, that
    /// it comes from an allowed page.
    async fn from_request_parts(parts: &mut Parts, tidings: &Tidings) -> Result<Self, Problem> {
        let inner = tidings.inner();
        let user = dev_user(parts, tidings)?;
        let caller = inner.auth.identify(&parts.headers, user.as_deref(), inner.engine.clock().now()).await?;
        if caller.credential == Credential::Session
            && !is_safe(&parts.method)
            && !came_from_allowed_page(parts, tidings)
        {
            return Err(Problem::new(
                Code::NotAllowed,
                "a request by cookie that changes something needs an `Origin`: the server's own, or one in the setting `origins`",
            ));
        }
        Ok(caller)
    }
}

/// The query, decoded; what is wrong with it is answered with a problem document that names the parameter.
#[derive(Clone, Copy, Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Tidings> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Tidings) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(query)| Self(query)).map_err(|rejection| {
            // axum writes `Failed to deserialize query string: limit: invalid digit …`, or without the name where one is missing.
            let text = rejection.body_text();
            let cause = text.split_once(": ").map_or(&*text, |(_, cause)| cause);
            let missing = cause.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
            let named = missing.map(|(name, _)| (name, cause)).or_else(|| cause.split_once(": "));
            let (field, sentence) = named.unwrap_or(("query", cause));
            Problem::field(field.to_owned(), sentence.to_owned())
        })
    }
}

/// The segments of the path that the route's template names.
#[derive(Clone, Copy, Debug)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Tidings> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, tidings: &Tidings) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, tidings).await;
        path.map(|Path(segments)| Self(segments)).map_err(|rejection| Problem::field("path", rejection.body_text()))
    }
}

/// The header `Idempotency-Key`, which makes a repeated `POST` one; none where the caller gives none.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<Key>);

impl FromRequestParts<Tidings> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Tidings) -> Result<Self, Problem> {
        idempotency_key(&parts.headers).map(Self)
    }
}

/// A string of RFC 9651 §3.3.3 in quotes, as its draft says, or bare, as most send it.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<Key>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim);
    let bare = text.map(|text| text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text));
    let key = bare.and_then(|text| text.parse().ok());
    key.map(Some).ok_or_else(|| Problem::field("Idempotency-Key", "a key has 1 to 64 characters of ASCII"))
}

/// Reads an id of a path or query.
///
/// # Errors
/// `bad_field`, naming the field.
pub fn id<T: FromStr<Err = IdError>>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: IdError| Problem::field(field, error.to_string()))
}

/// Reads a conversation of a path.
pub(crate) fn conversation(text: &str) -> Result<ConversationKey, Problem> {
    text.parse().map_err(|error| Problem::field("conversation", format!("{error}")))
}

/// The client behind a request.
pub(crate) fn client(parts: &Parts, tidings: &Tidings) -> Client {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    Client::find(peer, &parts.headers, &tidings.inner().options.proxies)
}

/// The page behind a request.
pub(crate) fn page_origin(parts: &Parts, client: &Client, tidings: &Tidings) -> PageOrigin {
    PageOrigin::of(&parts.headers, parts.uri.authority(), client.by_proxy, &tidings.inner().options.origins)
}

/// The refusal of a foreign page.
pub(crate) fn foreign_page(origin: &str) -> Problem {
    Problem::new(
        Code::NotAllowed,
        format!("pages of the origin {origin:?} may not call this server: add it to the setting `origins`"),
    )
}

/// The query's `user`, which `dev` believes: from a request to the loopback by name or number alone. Any other name may lead a
/// foreign page to this machine (DNS rebinding), whose own host and port it then seems to be.
pub(crate) fn dev_user(parts: &Parts, tidings: &Tidings) -> Result<Option<String>, Problem> {
    let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let mut users = pairs.filter(|(name, _)| name == "user").map(|(_, user)| user.into_owned());
    let user = users.next();
    if !tidings.inner().options.dev || user.is_none() {
        return Ok(user);
    }
    if users.next().is_some() {
        return Err(Problem::field("user", "the query names two users"));
    }
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(|authority| authority.as_str()).or(host);
    if host.and_then(|host| host.parse::<Authority>().ok()).is_some_and(|host| is_loopback(host.host())) {
        return Ok(user);
    }
    let detail =
        "in development `?user=` is believed of requests to localhost alone: call it by that name, or by 127.0.0.1";
    Err(Problem::new(Code::NotAllowed, detail))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || number.is_ok_and(|number| number.is_loopback())
}

/// RFC 9110 §9.2.1.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn came_from_allowed_page(parts: &Parts, tidings: &Tidings) -> bool {
    let client = client(parts, tidings);
    matches!(page_origin(parts, &client, tidings), PageOrigin::Own | PageOrigin::Allowed(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopbacks_names_and_numbers_are_local() {
        for host in ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_key_may_stand_in_quotes() {
        let key = |text: &str| {
            let headers = [("idempotency-key".parse().unwrap(), text.parse().unwrap())];
            idempotency_key(&HeaderMap::from_iter(headers)).map(|key| key.unwrap().to_string()).ok()
        };
        assert_eq!(key("\"k-1\"").as_deref(), Some("k-1"));
        assert_eq!(key("k-1").as_deref(), Some("k-1"));
        assert_eq!(key(&"k".repeat(65)), None);
        assert_eq!(key(""), None);
    }
}
