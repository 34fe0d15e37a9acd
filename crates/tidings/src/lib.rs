//! Tidings carries a social app's private, group and broadcast messages in real time, over WebSocket and HTTP. It is one
//! program with an embedded database, and this crate.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | the root | what an app names: [`App`], [`Message`], [`Audience`], [`Handle`], [`Context`], [`Pack`], the handle [`Tidings`] |
//! | [`wire`] | the contract, usable in a client: ids, codes, envelope, messages, audiences |
//! | [`engine`] | shards, pipeline, dispatcher; the ports that stores implement |
//! | [`server`] | HTTP, authentication, packs |
//! | [`sqlite`] | the stores on SQLite, and the app's own tables as ports |
//! | [`endpoints`] | HTTP endpoints of the app's backend as ports |
//! | [`chat`] | the pack `private`, `group`, `broadcast`, `event` |
//! | [`notify`] | the pack of notifications: an inbox for every user, and the port of the channels on which they go out |
//! | [`push`] | channels: Web Push (with the feature `web-push`), a signed webhook |
//! | [`social`] | the pack of posts, likes, comments, shares, follows, blocks, mutes |
//! | [`configuration`] | settings of the program: file, environment, flags |
//! | [`cli`] | the command line, also for programs with message types of their own |
//!
//! # A message type
//! A struct and one `impl`: from them come the route, decoding errors that name the field, the limiter, metrics, the schema.
//! What may go wrong in the app's own eyes is said by a handler ([`App::message_with`]).
//! ```
//! use tidings::{Audience, Message, Sender, UserId};
//!
//! /// One user pokes another.
//! #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! pub struct Poke {
//!     to: UserId,
//! }
//!
//! impl Message for Poke {
//!     const TYPE: &'static str = "poke";
//!
//!     fn audience(&self, _: &Sender) -> Audience {
//!         Audience::user(self.to)
//!     }
//! }
//! ```
//!
//! # In an axum app of your own
//! Build it, start it, merge its router into yours, keep its handle.
//! ```
//! # use tidings::{Audience, Message, Sender, UserId};
//! # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # pub struct Poke { to: UserId }
//! # impl Message for Poke {
//! #     const TYPE: &'static str = "poke";
//! #     fn audience(&self, _: &Sender) -> Audience { Audience::user(self.to) }
//! # }
//! use tidings::{App, Chat, axum};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let running = App::new().pack(Chat).message::<Poke>().build()?.start().await?;
//! let tidings = running.handle();
//! let router = axum::Router::new().route("/", axum::routing::get("my own page")).merge(running.router());
//!
//! // … serve the router; meanwhile, anywhere in the app:
//! tidings.send(&Poke { to: UserId::new(2) }, Sender::user_only(UserId::new(7))).await?;
//! assert!(!tidings.is_online(UserId::new(2)).await);
//!
//! running.stop().await;
//! # drop(router);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! Kept messages need a store: see [`SqliteStore`], and [`App::messages`] and its neighbours, which take it by name.
//!
//! # The whole program, with your types
//! ```no_run
//! # use tidings::{Audience, Message, Sender, UserId};
//! # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # pub struct Poke { to: UserId }
//! # impl Message for Poke {
//! #     const TYPE: &'static str = "poke";
//! #     fn audience(&self, _: &Sender) -> Audience { Audience::user(self.to) }
//! # }
//! fn main() -> std::process::ExitCode {
//!     tidings::cli::main(|app| app.message::<Poke>())
//! }
//! ```
#![deny(unsafe_code)]

pub mod cli;
pub mod configuration;

pub use schemars;
pub use serde;
pub use tidings_chat::{self as chat, Chat};
pub use tidings_endpoints as endpoints;
pub use tidings_engine::{self as engine, Accepted, Context, Handle, Intent, SendRequest, Sent, Settings};
pub use tidings_notify::{self as notify, Notify};
pub use tidings_push as push;
pub use tidings_server::{
    self as server, App, BuildError, Pack, Running, Server, ServerOptions, Setup, StartError, Tidings, axum,
};
pub use tidings_social::{self as social, Social};
pub use tidings_sqlite::{self as sqlite, SqliteOptions, SqliteStore};
pub use tidings_wire::{
    self as wire, Audience, CloseCode, Code, ConversationKey, FreeObject, GroupId, Keep, Key, Limit, Me, Message,
    MessageId, Notice, PostId, Reject, Sender, Senders, Seq, Topic, UserId,
};
