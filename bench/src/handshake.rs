//! The upgrade of RFC 6455 section 4, from both sides.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Bytes of a request's or a response's head at most; a longer one ends the attempt.
pub const HEAD_BYTES: usize = 8 * 1024;

/// The key that every client here sends: the example of RFC 6455 section 1.3. A key has to differ from client to client
/// only to keep caches from answering, and there is none here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What `Sec-WebSocket-Accept` must be for a key (RFC 6455 section 4.2.2, step 5.4).
#[must_use]
pub fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// The client's request for `path` (with its query) at `host`, with `more` header lines, each with its line break.
#[must_use]
pub fn request(host: &str, path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// The server's answer to a request with this key.
#[must_use]
pub fn response(key: &str) -> String {
    let accept = accept(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// The length of the head in `bytes`, its empty line included; `None` while it isn't whole.
#[must_use]
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of a header in a head; names are compared without case (RFC 9110 section 5.1).
#[must_use]
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Bytes of the body that a head announces (RFC 9112 section 6.2); 0 where it announces none.
#[must_use]
pub fn body_bytes(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap_or_default();
    header(head, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// The status of an answer's head (RFC 9112 section 4).
#[must_use]
pub fn status(head: &str) -> Option<u16> {
    head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.get(..3)?.parse().ok()
}

/// Why an answer is no upgrade.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Another status than 101.
    #[error("the server refused the upgrade: {text}")]
    Refused {
        /// The status; 0 where there is none.
        status: u16,
        /// What came of the body.
        body: String,
        /// All that it said, on one line, cut at 300 characters.
        text: String,
    },
    /// 101, but for another key than the one sent.
    #[error("the server's Sec-WebSocket-Accept is {0:?}")]
    WrongAccept(Option<String>),
    /// The head is longer than [`HEAD_BYTES`] or not UTF-8.
    #[error("the server's answer is no HTTP head")]
    NotHttp,
}

/// Checks a server's whole answer (its head, and what came of a body).
///
/// # Errors
/// Any status but 101; an accept value for another key; a head that is not UTF-8.
pub fn check_response(bytes: &[u8]) -> Result<(), HandshakeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| HandshakeError::NotHttp)?;
    if !text.starts_with("HTTP/1.1 101 ") {
        return Err(HandshakeError::Refused {
            status: status(text).unwrap_or(0),
            body: text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned(),
            text: text.chars().take(300).collect::<String>().replace("\r\n", " "),
        });
    }
    match header(text, "Sec-WebSocket-Accept") {
        Some(value) if value == accept(KEY) => Ok(()),
        other => Err(HandshakeError::WrongAccept(other.map(str::to_owned))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_value_is_the_one_of_the_rfc() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn our_answer_to_our_request_is_accepted() {
        let request = request("127.0.0.1:9", "/ws?user=3", "Cookie: a=1\r\n");
        assert_eq!(head_end(request.as_bytes()), Some(request.len()));
        let key = header(&request, "sec-websocket-key").expect("the request names its key");
        assert_eq!(header(&request, "cookie"), Some("a=1"));
        check_response(response(key).as_bytes()).expect("an answer to our own key");
    }

    #[test]
    fn a_refusal_is_told_with_its_words() {
        let error = check_response(b"HTTP/1.1 401 Unauthorized\r\n\r\nno identity").unwrap_err();
        assert_eq!(error.to_string(), "the server refused the upgrade: HTTP/1.1 401 Unauthorized  no identity");
        assert!(matches!(error, HandshakeError::Refused { status: 401, body, .. } if body == "no identity"));
    }

    #[test]
    fn an_answer_to_another_key_is_refused() {
        let error = check_response(response("another key").as_bytes()).unwrap_err();
        assert!(matches!(error, HandshakeError::WrongAccept(Some(_))), "{error}");
    }
}
