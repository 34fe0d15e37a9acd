//! HTTP/1.1 (RFC 9112) on connections that are kept, one request under way on each.
//!
//! | file | holds |
//! |---|---|
//! | `client` | one connection that waits for each answer |
//! | `many` | some connections at once, driven by epoll |

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::handshake;

mod client;
#[cfg(feature = "compare")]
mod many;

pub use client::Client;
#[cfg(feature = "compare")]
pub use many::requests;

/// Bytes of an answer at most; a longer one is [`HttpError::NotHttp`].
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// With its leading slash and its query.
    pub path: &'a str,
    /// A token or a key for `Authorization: Bearer`.
    pub bearer: Option<&'a str>,
    /// JSON; empty for none.
    pub body: &'a [u8],
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server could not be reached.
    #[error("no connection to {0}")]
    Connect(SocketAddr, #[source] io::Error),
    /// The connection ended, or nothing came in time.
    #[error("no answer")]
    Io(#[from] io::Error),
    /// What came is no HTTP/1 with a length, or too long.
    #[error("the answer is no HTTP/1 with a Content-Length")]
    NotHttp,
    /// Of many requests, none was answered for so long, or not all in the time for all.
    #[error("the requests weren't answered within {0:?}")]
    Slow(Duration),
    /// Another status than 2xx.
    #[error("the server answers {}: {}", .0.status, .0.body)]
    Refused(Answer),
}

impl Request<'_> {
    /// As it is sent to the server of this name and port.
    #[must_use]
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let Self { method, path, bearer, body } = self;
        let bearer = bearer.map(|bearer| format!("Authorization: Bearer {bearer}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{bearer}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }
}

impl Answer {
    /// An error unless the status is 2xx.
    ///
    /// # Errors
    /// [`HttpError::Refused`].
    pub fn accepted(self) -> Result<Self, HttpError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(HttpError::Refused(self)) }
    }

    /// The answer with which `bytes` begin, and whether the connection stays (RFC 9112 section 9.3); `None` until it is
    /// whole.
    fn read(bytes: &[u8]) -> Result<Option<(Self, bool)>, HttpError> {
        let Some(end) = handshake::head_end(bytes) else {
            return if bytes.len() > handshake::HEAD_BYTES { Err(HttpError::NotHttp) } else { Ok(None) };
        };
        let head = str::from_utf8(&bytes[..end]).map_err(|_| HttpError::NotHttp)?;
        let status = handshake::status(head).ok_or(HttpError::NotHttp)?;
        let closes = handshake::header(head, "Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let length = match handshake::header(head, "Content-Length") {
            Some(length) => length.parse().map_err(|_| HttpError::NotHttp)?,
            // RFC 9112 section 6.3: these two have no body.
            None if matches!(status, 204 | 304) => 0,
            None => return Err(HttpError::NotHttp),
        };
        if length > ANSWER_BYTES {
            return Err(HttpError::NotHttp);
        }
        let Some(body) = bytes.get(end..end + length) else { return Ok(None) };
        Ok(Some((Self { status, body: String::from_utf8_lossy(body).into_owned() }, !closes)))
    }
}
