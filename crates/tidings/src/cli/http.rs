//! The smallest HTTP client: one request, one answer, no connection kept.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A request.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// The host and port that the server is known by.
    pub(super) authority: &'a str,
    /// With the leading slash.
    pub(super) path: &'a str,
    /// The bearer token, if there is one.
    pub(super) bearer: Option<&'a str>,
    /// JSON; empty for none.
    pub(super) body: &'a str,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// What a request may take in all.
const WITHIN: Duration = Duration::from_secs(5);

/// More of an answer is not read. A page of an inbox is the longest that is asked for.
const ANSWER_BYTES: u64 = 256 * 1024;

/// Sends a request and reads the answer until the server closes. HTTP/1.0 (RFC 1945), so that the body comes as it is,
/// without chunks.
///
/// # Errors
/// No answer within 5 s, or one that is not HTTP.
pub(super) async fn ask(address: SocketAddr, request: &Request<'_>) -> anyhow::Result<Answer> {
    timeout(WITHIN, converse(address, request)).await.with_context(|| format!("{address} did not answer in time"))?
}

async fn converse(address: SocketAddr, request: &Request<'_>) -> anyhow::Result<Answer> {
    let Request { method, authority, path, bearer, body } = request;
    for part in [Some(authority), Some(path), bearer.as_ref()].into_iter().flatten() {
        ensure!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{part:?} can't stand in a request");
    }
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
    let authorization = bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {authority}\r\n{kind}Content-Length: {length}\r\n{authorization}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.context("send the request")?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut bytes).await.context("read the answer")?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok(Answer { status, body: body.to_owned() })
}
