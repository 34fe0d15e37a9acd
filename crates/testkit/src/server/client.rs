//! A client over a real WebSocket.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tidings_wire::{CloseCode, Code, Message, UserId};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        self, Bytes, Error,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::{CloseFrame, frame::coding::CloseCode as WireCode},
    },
};

use super::patience::patiently;
use crate::{
    golden::{Dialect, Golden},
    received::{self, Received, Refusal},
};

/// One WebSocket of one user, as a browser's: pings and close frames are answered while something is expected. Every text frame
/// that is expected is held against the [golden schemas](crate::golden) and those of the app's types.
///
/// Its methods panic where what they say is not so: that is what makes a test.
pub struct TestClient {
    user: UserId,
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pings: u64,
    dialect: Dialect,
    golden: Golden,
}

impl TestClient {
    /// Tries to open one; the HTTP status where the server refuses.
    pub(super) async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        user: UserId,
        golden: Golden,
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a path");
        let mut dialect = Dialect::Guide;
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            if name == SEC_WEBSOCKET_PROTOCOL && value.contains("tidings.v1") {
                dialect = Dialect::V1;
            }
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        match patiently("the upgrade", connect_async(request)).await {
            Ok((stream, _)) => Ok(Self { user, stream, pings: 0, dialect, golden }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }

    /// Whose connection it is.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Sends a message.
    pub async fn send<M: Message>(&mut self, message: &M) {
        let text = String::from_utf8(received::to_json(message)).expect("JSON is UTF-8");
        self.golden.said(self.dialect, &text);
        self.sends_text(&text).await;
    }

    /// Sends a text frame, whatever it says.
    pub async fn sends_text(&mut self, text: &str) {
        self.sends(tungstenite::Message::text(text)).await;
    }

    /// Closes with a code, and waits until the server has closed too.
    pub async fn closes(mut self, code: u16) {
        let frame = CloseFrame { code: WireCode::from(code), reason: "".into() };
        self.sends(tungstenite::Message::Close(Some(frame))).await;
        self.ends().await;
    }

    /// The next message, which must be of this type.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects<M: Message>(&mut self) -> Received<M> {
        received::message(&self.expects_text().await)
    }

    /// The next text frame, which must be a refusal with this code.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_error(&mut self, code: Code) -> Refusal {
        let text = self.expects_text().await;
        let refusal = received::refusal(&text);
        assert_eq!(refusal.code, code, "{text}");
        refusal
    }

    /// The next text frame as JSON.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_json(&mut self) -> Value {
        serde_json::from_str(&self.expects_text().await).expect("a text frame is JSON")
    }

    /// The next text frame, as it is.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_text(&mut self) -> String {
        match self.next().await {
            tungstenite::Message::Text(text) => {
                self.golden.heard(self.dialect, &text);
                text.as_str().to_owned()
            }
            other => panic!("user {} expected a text frame, got {other:?}", self.user),
        }
    }

    /// The next frame, which must be a close frame with this code.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_close(&mut self, code: CloseCode) {
        match self.next().await {
            tungstenite::Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), code.code()),
            other => panic!("user {} expected close {}, got {other:?}", self.user, code.code()),
        }
        self.ends().await;
    }

    /// Nothing was on its way to this connection when the server answered a ping of this call. What another shard or the
    /// store still works on may come later: a [`World`](crate::World) knows better.
    ///
    /// # Panics
    /// Where something came.
    pub async fn expects_nothing(&mut self) {
        self.pings += 1;
        let payload = Bytes::from(self.pings.to_be_bytes().to_vec());
        self.sends(tungstenite::Message::Ping(payload.clone())).await;
        match self.next().await {
            tungstenite::Message::Pong(echo) => assert_eq!(echo, payload),
            other => panic!("user {} expected nothing, got {other:?}", self.user),
        }
    }

    async fn sends(&mut self, message: tungstenite::Message) {
        patiently("room to write", self.stream.send(message)).await.expect("the connection is open");
    }

    /// Answers the server's close frame and waits for the end, or reads on to it.
    async fn ends(&mut self) {
        let ended = async { while let Some(Ok(_)) = self.stream.next().await {} };
        patiently("the server's close", ended).await;
    }

    /// The next frame but pings.
    async fn next(&mut self) -> tungstenite::Message {
        let next = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(tungstenite::Message::Ping(_))) => {}
                    Some(Ok(message)) => return message,
                    end => panic!("the connection of user {} ended without a close frame: {end:?}", self.user),
                }
            }
        };
        patiently("a frame", next).await
    }
}
