//! A whole server on port 0, with clients over real sockets: feature `server`.
//!
//! For what the [`World`](crate::World) has not: HTTP, identity, upgrades, real sockets. Tests are async, as any client is;
//! every wait ends after 20 s and then fails the test.
//!
//! ```
//! # use schemars::JsonSchema;
//! # use serde::{Deserialize, Serialize};
//! # use serde_json::json;
//! # use tidings_wire::{Audience, Message, Sender, UserId};
//! # #[derive(Serialize, Deserialize, JsonSchema)]
//! # struct Poke { to: UserId }
//! # impl Message for Poke {
//! #     const TYPE: &'static str = "poke";
//! #     fn audience(&self, _: &Sender) -> Audience { Audience::user(self.to) }
//! # }
//! use tidings_testkit::server::TestServer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let server = TestServer::with(|app| app.message::<Poke>()).await;
//! let (ann, mut bob) = (UserId::new(1), server.client(UserId::new(2)).await);
//!
//! let sent = server.by(ann).post("/v1/messages", &json!({"type": "poke", "to": bob.user()})).await;
//! assert_eq!(sent.status, 202);
//! assert_eq!(bob.expects::<Poke>().await.from, Some(ann));
//! server.stop().await;
//! # }
//! ```

mod answer;
mod client;
mod patience;
mod requests;
mod running;
mod v1;

pub use answer::Answer;
pub use client::TestClient;
pub use requests::Requests;
pub use running::{TestServer, options};
pub use v1::V1Client;
