//! Requests of users and backends.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::http::ask;

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Null where the body is no JSON.
    pub(crate) body: Value,
}

/// Asks with a bearer token or key, if one is given.
pub(crate) fn request(
    server: SocketAddr,
    method: &str,
    path: &str,
    bearer: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    let bearer = bearer.map(|bearer| ("Authorization", format!("Bearer {bearer}")));
    let body = body.map(Value::to_string).unwrap_or_default();
    let (head, body) = ask(server, method, path, bearer.as_slice(), &body);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: serde_json::from_str(&body).unwrap_or_default() }
}
