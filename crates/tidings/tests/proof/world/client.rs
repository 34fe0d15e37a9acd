//! A WebSocket client that knows only the protocol: plain JSON, and no subprotocol unless it asks for one. What it hears, and
//! what it says as good, is held against the golden schemas.

use std::{
    net::{Shutdown, TcpStream},
    time::Instant,
};

use serde_json::Value;
use tidings_testkit::golden::{Dialect, Golden};
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket, client::IntoClientRequest, handshake::HandshakeError, http::HeaderName,
};

use crate::support::process::{PATIENCE, Server};

/// A connection, used without a runtime: the proofs are plain functions.
pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
    dialect: Dialect,
    pub(crate) user: String,
}

/// An upgrade that was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The header's fields, in lower case, one a line.
    pub(crate) head: String,
    /// The problem document.
    pub(crate) problem: Value,
}

impl Client {
    /// Connects as `--dev` allows.
    pub(crate) fn dev(server: &Server, user: &str) -> Self {
        Self::with(server, &format!("/ws?user={user}"), &[]).map(|client| client.named(user)).unwrap()
    }

    /// Connects as `--dev` allows, in `tidings.v1`; its `hello` is still to be said.
    pub(crate) fn v1(server: &Server, user: &str) -> Self {
        let fields = [("sec-websocket-protocol", "tidings.v1")];
        Self::with(server, &format!("/ws?user={user}"), &fields).map(|client| client.named(user)).unwrap()
    }

    /// Connects with a token.
    pub(crate) fn token(server: &Server, user: &str, token: &str) -> Result<Self, Refusal> {
        let bearer = format!("Bearer {token}");
        Self::with(server, "/ws", &[("authorization", &bearer)]).map(|client| client.named(user))
    }

    /// Connects with header fields of the caller's choice.
    pub(crate) fn with(server: &Server, path: &str, fields: &[(&str, &str)]) -> Result<Self, Refusal> {
        let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
        for (name, value) in fields {
            request.headers_mut().append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let dialect = match fields.iter().any(|(name, _)| *name == "sec-websocket-protocol") {
            true => Dialect::V1,
            false => Dialect::Guide,
        };
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        match tokio_tungstenite::tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, dialect, user: String::new() }),
            Err(HandshakeError::Failure(Error::Http(response))) => {
                let (parts, body) = response.into_parts();
                let fields = parts.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
                let problem = body.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
                let head = fields.collect::<String>().to_ascii_lowercase();
                Err(Refusal { status: parts.status.as_u16(), head, problem })
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Says something that is as the protocol wants it.
    pub(crate) fn say(&mut self, message: &Value) {
        let text = message.to_string();
        Golden::built_in().said(self.dialect, &text);
        self.say_text(&text);
    }

    /// Says whatever it is, wrong things too.
    pub(crate) fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// The next message.
    pub(crate) fn hear(&mut self) -> Value {
        match self.next() {
            Ok(message) => message,
            Err(close) => panic!("user {}: closed with {close} in place of a message", self.user),
        }
    }

    /// The close code that comes next.
    pub(crate) fn close_code(&mut self) -> u16 {
        match self.next() {
            Ok(message) => panic!("user {}: {message} in place of a close frame", self.user),
            Err(code) => code,
        }
    }

    /// Says something wrong, and gives the answer.
    pub(crate) fn refused(&mut self, text: &str) -> Value {
        self.say_text(text);
        let answer = self.hear();
        assert_eq!(answer["type"], "error", "{text} is answered with {answer}");
        assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer}");
        answer
    }

    /// Goes without a word.
    pub(crate) fn vanish(self) {
        self.socket.get_ref().shutdown(Shutdown::Both).unwrap();
    }

    fn named(self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self }
    }

    fn next(&mut self) -> Result<Value, u16> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    Golden::built_in().heard(self.dialect, &text);
                    return Ok(serde_json::from_str(&text).unwrap());
                }
                Ok(Message::Close(frame)) => return Err(frame.unwrap().code.into()),
                Ok(_) => {}
                Err(error) => panic!("user {} waits for a frame: {error}", self.user),
            }
        }
        panic!("user {} heard nothing but pings", self.user)
    }
}
