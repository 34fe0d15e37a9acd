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
//! | [`sqlite`] | the stores on SQLite |
//! | [`chat`] | the pack `private`, `group`, `broadcast`, `event` |
//! | [`configuration`] | settings of the program: file, environment, flags |
//! | [`cli`] | the command line, also for programs with message types of their own |
//!
//! # In a program of your own
//! A message type is a struct and one `impl`; an app is a list of them.
//! ```
//! use tidings::{App, Audience, Message, Sender, UserId};
//!
//! /// One user pokes another.
//! #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! struct Poke {
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
//!
//! let server = App::new().message::<Poke>().build()?;
//! # Ok::<(), tidings::BuildError>(())
//! ```
//! `server.start().await` gives a [`Running`] server: mount its router in an axum app of your own, or let it serve; keep
//! its handle [`Tidings`] for `send`, `is_online` and the like. Or take the whole program and add to it:
//! [`cli::main`]`(|app| app.message::<Poke>())`.
#![deny(unsafe_code)]

pub mod cli;
pub mod configuration;

pub use tidings_chat as chat;
pub use tidings_engine::{self as engine, Accepted, Context, Handle, Intent, Sent, Settings};
pub use tidings_server::{self as server, App, BuildError, Pack, Running, Server, ServerOptions, Setup, Tidings};
pub use tidings_sqlite::{self as sqlite, SqliteOptions, SqliteStore};
pub use tidings_wire::{
    self as wire, Audience, CloseCode, Code, ConversationKey, FreeObject, GroupId, Keep, Key, Limit, Message,
    MessageId, PostId, Reject, Sender, Senders, Seq, Topic, UserId,
};
