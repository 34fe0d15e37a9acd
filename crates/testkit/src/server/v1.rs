//! A client of `tidings.v1` over a real WebSocket.

use std::{
    net::SocketAddr,
    ops::{Deref, DerefMut},
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidings_wire::{
    UserId,
    client_frames::Hello,
    server_frames::{Ack, Frame, Resumed, Welcome},
};

use super::TestClient;
use crate::golden::Golden;

/// A connection of `tidings.v1`; see [`TestServer::v1`](super::TestServer::v1). Dereferences to the [`TestClient`] below, for
/// messages, refusals and closes.
///
/// ```
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # use serde_json::json;
/// # use tidings_wire::{Audience, Keep, Me, Message, Sender, UserId};
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # struct Letter { to: UserId }
/// # impl Message for Letter {
/// #     const TYPE: &'static str = "letter";
/// #     const KEEP: Keep = Keep::Forever;
/// #     const STREAM: bool = true;
/// #     fn audience(&self, _: &Sender) -> Audience { Audience::user(self.to).me(Me::OtherConnections) }
/// # }
/// use tidings_testkit::server::TestServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = TestServer::with(|app| app.message::<Letter>()).await;
/// let (mut ann, mut bob) = (server.v1(UserId::new(1)).await, server.v1(UserId::new(2)).await);
///
/// ann.sends_json(&json!({"type": "letter", "to": 2, "ref": 7})).await;
/// assert_eq!(ann.expects_ack(7).await.seq, Some(1));
/// assert_eq!(bob.expects::<Letter>().await.seq, Some(1));
/// server.stop().await;
/// # }
/// ```
pub struct V1Client(TestClient);

impl V1Client {
    /// Opens one and says `hello`; what comes then is the caller's to expect.
    pub(super) async fn open(address: SocketAddr, hello: &Hello, user: UserId, golden: Golden) -> Result<Self, u16> {
        let headers = [("Sec-WebSocket-Protocol", "tidings.v1")];
        let mut client = Self(TestClient::open(address, "/ws", &headers, user, golden).await?);
        let mut frame = serde_json::to_value(hello).expect("a hello is JSON");
        frame["type"] = "hello".into();
        client.sends_json(&frame).await;
        Ok(client)
    }

    /// Sends a frame.
    pub async fn sends_json(&mut self, frame: &Value) {
        self.0.sends_text(&frame.to_string()).await;
    }

    /// Closes with a code, and waits until the server has closed too.
    pub async fn closes(self, code: u16) {
        self.0.closes(code).await;
    }

    /// The next frame, which must be a `welcome`.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_welcome(&mut self) -> Welcome {
        self.expects_frame().await
    }

    /// The next frame, which must be a `resumed`.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_resumed(&mut self) -> Resumed {
        self.expects_frame().await
    }

    /// The next frame, which must acknowledge what was sent with this `ref`.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_ack(&mut self, reference: i64) -> Ack {
        let ack: Ack = self.expects_frame().await;
        assert_eq!(ack.reference, Some(reference), "{ack:?}");
        ack
    }

    /// The next frame, which must be of this type.
    ///
    /// # Panics
    /// Where something else, or nothing, comes.
    pub async fn expects_frame<F: Frame + DeserializeOwned>(&mut self) -> F {
        let text = self.0.expects_text().await;
        let json: Value = serde_json::from_str(&text).expect("a text frame is JSON");
        assert_eq!(json["type"], F::TYPE, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("no {} ({error}): {text}", F::TYPE))
    }
}

impl Deref for V1Client {
    type Target = TestClient;

    fn deref(&self) -> &TestClient {
        &self.0
    }
}

impl DerefMut for V1Client {
    fn deref_mut(&mut self) -> &mut TestClient {
        &mut self.0
    }
}
