//! An HTTP response.

use serde_json::Value;

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields as they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The first header field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The code in a problem document (RFC 9457).
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}")).to_owned()
    }

    /// Reads a whole response, as a server that closes behind it sends it (RFC 9112 §6).
    ///
    /// # Panics
    /// Where it is none.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("the server answers in UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP response: {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut answer = Self { status: status.expect("a status line"), headers, body: body.to_owned() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        assert!(length.is_none_or(|length: usize| length == answer.body.len()), "the body is cut: {answer:?}");
        if answer.header("transfer-encoding").is_some() {
            answer.body = unchunked(body).unwrap_or_else(|| panic!("the body is cut: {answer:?}"));
        }
        answer
    }
}

/// What stands in chunks (RFC 9112 §7.1), if the last one is there.
fn unchunked(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n")?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..size)?);
        body = rest.get(size..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_read_whole() {
        let answer = Answer::read(b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\nX-Of:  a b \r\n\r\n{\"a\":1}");
        assert_eq!((answer.status, answer.header("x-of"), &answer.json()["a"]), (201, Some("a b"), &Value::from(1)));
    }

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(unchunked("3\r\n{\"a\r\nA;x=y\r\n\":12345678\r\n1\r\n}\r\n0\r\n\r\n").unwrap(), "{\"a\":12345678}");
        assert_eq!(unchunked("3\r\n{\"a\r\n"), None);
    }

    #[test]
    #[should_panic(expected = "the body is cut")]
    fn a_cut_body_is_noticed() {
        Answer::read(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}");
    }
}
