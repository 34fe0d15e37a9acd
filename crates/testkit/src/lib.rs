//! A test kit for people who build with or on Tidings.
//!
//! A message type is tested without a server: [`world()`] makes a whole node (shards, pipeline, dispatcher, a store in
//! memory) that runs on the thread of the test, and clients that send and receive what they would over real sockets, frame
//! by frame. Nothing in it reads a clock or depends on chance, so a test needs no sleep and no retry.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | [`World`], [`WorldBuilder`] | the node with its connections; [`Client`]s, a [`Backend`], a [`StoreGate`] that holds or breaks the store |
//! | [`SteppedClock`] | a clock that stands still until it is stepped |
//! | [`AppBackend`] | the HTTP side of an app: real sockets, answers that a test chooses |
//! | [`Received`], [`Refusal`] | what a client reads |
//! | [`memory`] | every port in memory |
//! | `golden` (feature) | every frame held against the golden schemas of the protocol; the clients of `server` do it by themselves |
//! | `server` (feature) | a whole server on port 0, with clients over real sockets |
//! | [`contract`] | one suite of tests for each port, for those who write an adapter |
//!
//! # A message type and its test
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use tidings_wire::{Audience, Code, Message, Sender, UserId};
//!
//! /// One user pokes another.
//! #[derive(Serialize, Deserialize, JsonSchema)]
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
//! let world = tidings_testkit::world().message::<Poke>().start();
//! let [ann, bob, eve] = world.clients([1, 2, 3]);
//!
//! ann.send(&Poke { to: bob.user() });
//! assert_eq!(bob.expects::<Poke>().from, Some(ann.user()));
//! eve.expects_nothing();
//!
//! ann.sends_text(r#"{"type":"poke"}"#);
//! assert_eq!(ann.expects_error(Code::BadField).field.as_deref(), Some("to"));
//! ```
//!
//! A type with a handler is added by [`WorldBuilder::message_with`]; a user's second connection by [`World::client`].
//!
//! # Time
//! The world's clock stands still. [`World::advance`] steps it a little at a time and lets everything happen that becomes
//! due: pings, limits, expiries, the five seconds that a handler has. tokio's own timers go by the same clock.
//! ```
//! # use std::time::Duration;
//! # use tidings_wire::CloseCode;
//! let world = tidings_testkit::world().start();
//! let [ann] = world.clients([1]);
//! ann.silent();
//! world.advance(Duration::from_secs(34));
//! assert!(ann.pings() == 1 && ann.is_open());
//! world.advance(Duration::from_secs(2));
//! ann.expects_close(CloseCode::GoingAway);
//! ```
//!
//! # An adapter of one's own
//! Who writes a store, groups or sessions for another database runs the suites of [`contract`] against it: its page shows
//! the few lines that it takes.
#![forbid(unsafe_code)]

mod app_backend;
mod clock;
pub mod contract;
mod frames;
#[cfg(feature = "golden")]
pub mod golden;
pub mod memory;
mod received;
#[cfg(feature = "server")]
pub mod server;
mod world;

pub use app_backend::{AppBackend, AppRequest, Reply};
pub use clock::SteppedClock;
pub use received::{Received, Refusal};
pub use world::{Backend, Client, Hold, Pending, StoreGate, World, WorldBuilder, world};
