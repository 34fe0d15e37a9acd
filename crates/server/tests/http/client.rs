//! A client that writes bytes: what it sends stands in the test, not in a library. Every read has a time limit, so that a
//! server that never answers fails the test instead of hanging it.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;
use tidings_testkit::golden::Dialect;

use crate::world::GOLDEN;

const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP connection.
pub(crate) struct Client {
    stream: TcpStream,
    /// Read and not yet used.
    rest: Vec<u8>,
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status and code of a refusal, once it is seen that it is a whole problem document.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{self:?}");
        let code = document["code"].as_str().unwrap().to_owned();
        assert_eq!(document["type"], format!("urn:tidings:{code}"));
        assert!(document["title"].is_string() && !self.detail().is_empty());
        (self.status, code)
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, rest: Vec::new() }
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The same connection once more, for another thread to write to.
    pub(crate) fn again(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap(), rest: Vec::new() }
    }

    /// Writes; false where the server has closed.
    pub(crate) fn try_write(&mut self, bytes: &str) -> bool {
        self.stream.write_all(bytes.as_bytes()).is_ok()
    }

    /// Writes a request and reads its answer. The connection stays open.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request += "Host: chat.localhost\r\n";
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        self.write(request + "\r\n" + body);
        self.answer()
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            assert!(self.more(), "closed within a head: {:?}", String::from_utf8_lossy(&self.rest));
        };
        let head = String::from_utf8(self.rest.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> =
            lines.filter_map(|line| line.split_once(": ")).map(|(a, b)| (a.into(), b.into())).collect();
        let mut answer = Answer { status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.rest.len() < length {
            assert!(self.more(), "closed within a body");
        }
        answer.body = String::from_utf8(self.rest.drain(..length).collect()).unwrap();
        answer
    }

    /// Waits for the server's close, and returns what it wrote before.
    pub(crate) fn closed(mut self) -> Vec<u8> {
        while self.more() {}
        self.rest
    }

    /// Tries to become a WebSocket.
    pub(crate) fn upgrade(mut self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Answer> {
        let handshake = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = self.ask("GET", path, &[&handshake, headers].concat(), "");
        if answer.status != 101 {
            return Err(answer);
        }
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "RFC 6455 §1.3");
        let spoken = headers.contains(&V1).then_some(V1.1);
        assert_eq!(answer.header("sec-websocket-protocol"), spoken);
        let dialect = if spoken.is_some() { Dialect::V1 } else { Dialect::Guide };
        Ok(Socket(self, dialect))
    }

    /// Reads more; false where the server closed.
    fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(read) => {
                self.rest.extend_from_slice(&buffer[..read]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("the server neither answers nor closes: {error}"),
        }
    }
}

/// An open WebSocket. What it hears, and what it says as good, is held against the golden schemas.
pub(crate) struct Socket(Client, Dialect);

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Socket")
    }
}

/// Asks for the dialect.
pub(crate) const V1: (&str, &str) = ("Sec-WebSocket-Protocol", "tidings.v1");

/// A text frame of a client, masked with zeros (RFC 6455 §5.2).
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

/// A frame of a client whose first byte is given whole, masked with zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let header = match length {
        0..126 => vec![first, 0x80 | length as u8],
        _ => [&[first, 0x80 | 126], &length.to_be_bytes()[..]].concat(),
    };
    [&header[..], &[0; 4], payload].concat()
}

impl Socket {
    /// Says something that is as the protocol wants it.
    pub(crate) fn say(&mut self, text: &str) {
        GOLDEN.said(self.1, text);
        self.say_wrong(text);
    }

    /// Says whatever it is.
    pub(crate) fn say_wrong(&mut self, text: &str) {
        self.0.write(text_frame(text));
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write(bytes);
    }

    /// The next pong's payload.
    pub(crate) fn pong(&mut self) -> Vec<u8> {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, 10, "{payload:?}");
        payload
    }

    /// The next message, which must be of this type.
    pub(crate) fn hears_type(&mut self, kind: &str) -> Value {
        let message = self.hears();
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// The next message.
    pub(crate) fn hears(&mut self) -> Value {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, 1, "{payload:?}");
        serde_json::from_slice(&payload).unwrap()
    }

    /// The code with which the server closes.
    pub(crate) fn close_code(&mut self) -> u16 {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, 8, "{payload:?}");
        u16::from_be_bytes([payload[0], payload[1]])
    }

    /// The code with which the server closes, whatever it says before.
    pub(crate) fn last_code(&mut self) -> u16 {
        loop {
            let (opcode, payload) = self.frame();
            if opcode == 8 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }

    /// The same, and then the end, once the close is answered.
    pub(crate) fn ends_with(mut self) -> u16 {
        let code = self.close_code();
        self.close();
        code
    }

    /// Closes with 1000, and waits until the server has closed too.
    pub(crate) fn close(mut self) {
        // The server may have gone already.
        let _ = self.0.stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
        self.0.closed();
    }

    /// The next frame but pings.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            let (opcode, payload) = self.any_frame();
            if opcode == 1 {
                GOLDEN.heard(self.1, std::str::from_utf8(&payload).unwrap());
            }
            if opcode != 9 {
                return (opcode, payload);
            }
        }
    }

    fn any_frame(&mut self) -> (u8, Vec<u8>) {
        let opcode = self.take(1)[0] & 0x0f;
        let length = match self.take(1)[0] {
            126 => usize::from(u16::from_be_bytes(self.take(2).try_into().unwrap())),
            length => usize::from(length),
        };
        (opcode, self.take(length))
    }

    fn take(&mut self, bytes: usize) -> Vec<u8> {
        while self.0.rest.len() < bytes {
            assert!(self.0.more(), "the server closed without a close frame");
        }
        self.0.rest.drain(..bytes).collect()
    }
}
