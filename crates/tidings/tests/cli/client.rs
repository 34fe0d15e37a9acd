//! A WebSocket client that knows only the guide.

use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client::IntoClientRequest, handshake::HandshakeError};

/// A connection, used without a runtime: the tests are plain functions.
pub(crate) struct Client(WebSocket<TcpStream>);

impl Client {
    /// Connects as `--dev` allows.
    pub(crate) fn dev(server: SocketAddr, user: u32) -> Self {
        Self::open(&format!("ws://{server}/ws?user={user}"), server, None).unwrap()
    }

    /// Connects with a token; the HTTP status where it is refused.
    pub(crate) fn with_token(server: SocketAddr, token: &str) -> Result<Self, u16> {
        Self::open(&format!("ws://{server}/ws"), server, Some(("authorization", &format!("Bearer {token}"))))
    }

    /// Connects with a cookie; the HTTP status where it is refused.
    pub(crate) fn with_cookie(server: SocketAddr, cookie: &str) -> Result<Self, u16> {
        Self::open(&format!("ws://{server}/ws"), server, Some(("cookie", cookie)))
    }

    pub(crate) fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).unwrap();
    }

    /// The next message.
    pub(crate) fn hear(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("closed in place of a message: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next that is no notification.
    pub(crate) fn hear_message(&mut self) -> Value {
        loop {
            let frame = self.hear();
            if frame["type"] != "notification" {
                return frame;
            }
        }
    }

    /// Reads until the server closes, answers that, lets go of the socket, and gives the close code.
    pub(crate) fn close_code(mut self) -> u16 {
        let mut code = None;
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => code = Some(frame.unwrap().code.into()),
                Ok(_) => {}
                Err(error) => return code.unwrap_or_else(|| panic!("ended without a close frame: {error}")),
            }
        }
    }

    fn open(url: &str, server: SocketAddr, field: Option<(&'static str, &str)>) -> Result<Self, u16> {
        let mut request = url.into_client_request().unwrap();
        if let Some((name, value)) = field {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tokio_tungstenite::tungstenite::client(request, TcpStream::connect(server).unwrap()) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }
}
