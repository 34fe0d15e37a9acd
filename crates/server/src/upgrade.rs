//! `GET /ws`: the checks before a connection becomes a WebSocket (RFC 6455 §4.2), in the order of their cost.
//!
//! A browser can't read why an upgrade was refused. So whoever speaks `tidings.v1` is refused here only for what no token would
//! mend, and hears of all else by a close code: see the greeter.

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::upgrade::OnUpgrade;
use sha1::{Digest, Sha1};
use std::time::Duration;
use tidings_engine::{Admission, Dialect};
use tidings_wire::Code;

use crate::{
    auth::{Denied, KnownUser},
    extract::{client, dev_user, foreign_page, page_origin},
    greeter::Visitor,
    handle::Tidings,
    handover::{self, Admitted, Handover, Slot},
    limits::Full,
    metrics,
    origin::PageOrigin,
    problem::Problem,
    proxies::Client,
};

/// Leaves the admission for the accept loop, which never lets this 101 out: the engine writes one itself, once the user is
/// online. In an app's own server the 101 goes out, and then the socket is taken back.
pub(crate) async fn upgrade(State(tidings): State<Tidings>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    match admit(&mut parts, &tidings).await {
        Ok(granted) => granted.response(),
        Err(Refusal(reason, problem)) => {
            metrics::upgrade_refused(reason);
            problem.into_response()
        }
    }
}

/// The refusal with a bounded label.
struct Refusal(&'static str, Problem);

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self(denied.reason(), denied.into())
    }
}

/// An upgrade that is granted.
struct Granted {
    accept: HeaderValue,
    dialect: Dialect,
}

/// The subprotocol of [`Dialect::V1`].
const V1: &str = "tidings.v1";

async fn admit(parts: &mut Parts, tidings: &Tidings) -> Result<Granted, Refusal> {
    let inner = tidings.inner();
    if inner.phase.is_draining() {
        let problem = Problem::new(Code::Unavailable, "the server is about to stop: connect again");
        return Err(Refusal("draining", problem.retry_after(RESTART)));
    }
    let accept = accept_key(parts).map_err(|problem| Refusal("handshake", problem))?;
    let client = client(parts, tidings);
    if let PageOrigin::Foreign(origin) = page_origin(parts, &client, tidings) {
        return Err(Refusal("origin", foreign_page(&origin)));
    }
    let dialect = if offers(&parts.headers, header::SEC_WEBSOCKET_PROTOCOL, V1) { Dialect::V1 } else { Dialect::Guide };
    let granted = Granted { accept, dialect };
    let mut handover = match dialect {
        Dialect::V1 => {
            let room = inner.limits.look(client.address);
            room.map_err(|full| too_many(full, parts, &client, tidings))?;
            let tried = identify(parts, tidings).await.unwrap_or(Err(Denied::Missing));
            Handover::Visitor(Visitor { tried, address: client.address, greeting: Bytes::new() })
        }
        _ => Handover::Guest(guest(parts, tidings, &client).await?),
    };
    if let Some(slot) = parts.extensions.get::<Slot>() {
        *handover.greeting() = granted.bytes();
        slot.leave(handover);
        return Ok(granted);
    }
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        let detail = "the server in front of this router passes no upgrades: see `Running::router`";
        return Err(Refusal("no_upgrades", Problem::new(Code::NotEnabled, detail)));
    };
    inner.tasks.spawn(handover::take_back(tidings.clone(), upgrade, handover));
    Ok(granted)
}

/// Who it is, by the upgrade's own credentials.
async fn identify(parts: &Parts, tidings: &Tidings) -> Result<Result<KnownUser, Denied>, Problem> {
    let inner = tidings.inner();
    let user = dev_user(parts, tidings)?;
    let caller = inner.auth.identify(&parts.headers, user.as_deref(), inner.engine.clock().now()).await;
    Ok(caller.and_then(KnownUser::try_from))
}

/// A user who is let in, with the places that the connection takes.
async fn guest(parts: &Parts, tidings: &Tidings, client: &Client) -> Result<Admitted, Refusal> {
    let known = identify(parts, tidings).await.map_err(|problem| Refusal("dev_host", problem))??;
    let guest = tidings.inner().limits.admit(known.user, client.address);
    let guest = guest.map_err(|full| too_many(full, parts, client, tidings))?;
    let admission = Admission {
        guest,
        dialect: Dialect::Guide,
        expires_at_ms: known.expires_at_ms,
        hello: None,
        greeting: Bytes::new(),
    };
    Ok(Admitted { admission, issued_at: known.issued_at })
}

/// When to come back after a refusal because of a restart, and because of a limit: places become free at any time.
const RESTART: Duration = Duration::from_secs(2);
const LIMITED: Duration = Duration::from_secs(20);

fn too_many(full: Full, parts: &Parts, client: &Client, tidings: &Tidings) -> Refusal {
    let (reason, mut detail) = match full {
        Full::User(most) => (
            "user_limit",
            format!("this user has {most} connections, the most that `limits.connections_per_user` allows"),
        ),
        Full::Address(most) => (
            "address_limit",
            format!("this address has {most} connections, the most that `limits.connections_per_address` allows"),
        ),
    };
    if let (Full::Address(_), true, Some(address)) = (full, client.undeclared_proxy, client.address) {
        let address = address.ip();
        detail.push_str(
            ". Its requests carry forwarding headers: if it is your reverse proxy, name it in the setting `proxies`",
        );
        tidings.inner().proxy_suspicion.tell(tidings.engine().clock().now(), || {
            let forwarded = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok()).unwrap_or_default();
            tracing::warn!(%address, forwarded,
                "many connections come from one address with forwarding headers: if it is your reverse proxy, name it in \
                 the setting `proxies`, or all its users share one limit");
        });
    }
    Refusal(reason, Problem::new(Code::Limited, detail).retry_after(LIMITED))
}

/// Checks the handshake, and returns the answer to its key.
fn accept_key(parts: &Parts) -> Result<HeaderValue, Problem> {
    let upgrade_required = |detail: &'static str| {
        Problem::field("Upgrade", detail)
            .status(StatusCode::UPGRADE_REQUIRED)
            .header(header::UPGRADE, HeaderValue::from_static("websocket"))
            .header(header::CONNECTION, HeaderValue::from_static("upgrade"))
    };
    if parts.method != Method::GET
        || parts.version != Version::HTTP_11
        || !offers(&parts.headers, header::UPGRADE, "websocket")
        || !offers(&parts.headers, header::CONNECTION, "upgrade")
    {
        return Err(upgrade_required("this is a WebSocket: connect with a WebSocket client, over HTTP/1.1"));
    }
    if parts.headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let version = HeaderValue::from_static("13");
        let problem = upgrade_required("the WebSocket version must be 13 (RFC 6455)");
        return Err(problem.header(header::SEC_WEBSOCKET_VERSION, version));
    }
    let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut nonce = [0; 18];
    if !matches!(BASE64_STANDARD.decode_slice(key, &mut nonce), Ok(16)) {
        let problem = Problem::field("Sec-WebSocket-Key", "the key must be 16 bytes in base64 (RFC 6455 §4.1)");
        return Err(problem.status(StatusCode::BAD_REQUEST));
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    Ok(HeaderValue::try_from(BASE64_STANDARD.encode(digest)).expect("base64 is a header's text"))
}

/// RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether a list of words in a header has this one, in any case.
fn offers(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let fields = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    fields.flat_map(|field| field.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
}

impl Granted {
    /// The 101 as it stands on the wire.
    fn bytes(&self) -> Bytes {
        let mut bytes =
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: "
                .to_vec();
        bytes.extend_from_slice(self.accept.as_bytes());
        if self.dialect == Dialect::V1 {
            bytes.extend_from_slice(b"\r\nsec-websocket-protocol: ");
            bytes.extend_from_slice(V1.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.into()
    }

    /// The same for a server that the router is embedded in.
    fn response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if self.dialect == Dialect::V1 {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(V1));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(change: impl FnOnce(&mut http::request::Builder)) -> Result<String, u16> {
        let mut request = Request::builder()
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        change(&mut request);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        accept_key(&parts)
            .map(|accept| accept.to_str().unwrap().to_owned())
            .map_err(|problem| problem.into_response().status().as_u16())
    }

    #[test]
    fn the_example_of_the_rfc_gets_the_rfcs_answer() {
        assert_eq!(answered(|_| ()).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn anything_but_a_version_13_handshake_is_refused() {
        let with = |name: &'static str, value: &'static str| {
            answered(move |request| {
                let headers = request.headers_mut().unwrap();
                headers.insert(name, HeaderValue::from_static(value));
            })
        };
        assert_eq!(with("upgrade", "h2c"), Err(426));
        assert_eq!(with("connection", "keep-alive"), Err(426));
        assert_eq!(with("sec-websocket-version", "8"), Err(426));
        for key in ["", "dGhlIHNhbXBsZQ==", "not base64 at all!", "dGhlIHNhbXBsZSBub25jZSBpcyBsb25n"] {
            assert_eq!(with("sec-websocket-key", key), Err(400), "{key}");
        }
    }
}
