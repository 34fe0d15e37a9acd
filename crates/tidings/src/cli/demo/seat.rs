//! One connection of one of the cast: an ordinary WebSocket client that knows only the guide.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// A connection.
pub(super) struct Seat {
    /// As the transcript calls it: `Ann's phone`.
    pub(super) name: &'static str,
    socket: WebSocketStream<TcpStream>,
}

impl Seat {
    /// Connects as a user, whom the server believes in its `--dev` mode.
    pub(super) async fn take(name: &'static str, user: u32, server: SocketAddr) -> anyhow::Result<Self> {
        let url = format!("ws://{server}/ws?user={user}");
        let stream = TcpStream::connect(server).await.with_context(|| format!("connect to {server}"))?;
        stream.set_nodelay(true)?;
        let (socket, _) = client_async(&url, stream).await.with_context(|| format!("open {url}"))?;
        Ok(Self { name, socket })
    }

    pub(super) async fn say(&mut self, frame: &Value) -> anyhow::Result<()> {
        self.socket.send(Message::text(frame.to_string())).await.with_context(|| format!("{} sends", self.name))
    }

    /// The next message that the server sends; that there is something in the inbox is passed over. Pings are answered on the way. Nothing is lost when it is dropped.
    pub(super) async fn hear(&mut self) -> anyhow::Result<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let read = serde_json::from_str(&text).with_context(|| format!("{} reads {text}", self.name));
                    let frame: Value = read?;
                    if frame["type"] != "notification" {
                        return Ok(frame);
                    }
                }
                Some(Ok(Message::Close(frame))) => bail!("{} was disconnected: {frame:?}", self.name),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).with_context(|| format!("{} listens", self.name)),
                None => bail!("{} was disconnected", self.name),
            }
        }
    }
}
