//! The engine of Tidings: what happens between a frame that came in and the frames that go out.
//!
//! It knows no HTTP, no SQL and no broker: those come through [`ports`]. Whoever builds a server makes a [`registry`] of
//! message types, gives it with the ports to [`Engine::start`], and hands over sockets whose upgrade was answered.
//!
//! # Map, in the order that a message passes
//! | file | holds |
//! |---|---|
//! | `driver`, `poll`, `alarm`, `descriptors`, `ready`, `guest` | a shard's thread: sockets, timers, handlers; who is at the other end |
//! | [`websocket`] | frames (RFC 6455) |
//! | [`shard`] | a shard's connections, their outboxes and timers, as a state machine without I/O |
//! | `pipeline`, `head`, `body_hash` | the order in which a message passes: type, rollout, limit, decode, known key, accept, reach |
//! | [`registry`], `rollout`, `limiter`, [`handle`] | what is known of a type; for whom, how often; the app's own say |
//! | [`act`], [`publish`] | what is written, as data, and what follows from it |
//! | `dispatcher`, `node`, `follow` | commits to publications and answers, in commit order |
//! | `desk` | commits that nobody told of, types kept for a time |
//! | [`volatile`] | the store of a deployment that keeps nothing |
//! | `directory`, `members`, `audience`, `blocks` | who is where; which sets are in memory; who hears; who has blocked whom |
//! | `deed` | what calls write and tell without a message in a stream |
//! | `presence`, `chosen`, `sight` | who is there for others' eyes; what they chose; who sees whom |
//! | `notices` | what a notice writes, added to the act that it goes with |
//! | `delivery`, `mailbox`, `sync` | one encoding for all; how another thread's shard gets it |
//! | `call`, `render`, [`Engine`] | what HTTP and embedding apps ask for |
//! | [`simulation`] | the same without threads, for tests that repeat exactly |
//! | `failpoint` | behind a feature: points at which the process kills itself, for tests |
//!
//! # An engine that keeps nothing
//! ```
//! use std::sync::Arc;
//! use tidings_engine::{Engine, Notifications, Parts, Settings, clock::SystemClock, ports::{Everybody, NoCredentials, OpenTopics}, registry::Registry, volatile::VolatileStore};
//!
//! let store = Arc::new(VolatileStore::new("an epoch"));
//! let engine = Engine::start(Parts {
//!     registry: Registry::builder().build()?,
//!     store: store.clone(),
//!     groups: store,
//!     relations: Vec::new(),
//!     clock: Arc::new(SystemClock::new()),
//!     credentials: Arc::new(NoCredentials),
//!     visibility: Arc::new(Everybody),
//!     topics: Arc::new(OpenTopics::all()),
//!     notifications: Notifications::default(),
//!     settings: Settings { keep: false, ..Settings::default() },
//! })?;
//! assert_eq!(engine.connection_count(), 0);
//! engine.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

mod abort;
pub mod act;
mod alarm;
mod audience;
mod blocking;
mod blocks;
mod body_hash;
mod call;
mod chosen;
pub mod clock;
mod control;
mod deed;
mod delivery;
mod descriptors;
mod desk;
mod directory;
mod dispatcher;
mod driver;
mod engine;
#[cfg(feature = "failpoints")]
pub mod failpoint;
mod follow;
mod generations;
mod greet;
mod guest;
pub mod handle;
mod head;
mod hello;
mod inbox;
mod limiter;
mod mailbox;
#[cfg(test)]
mod mailbox_tests;
mod members;
mod metrics;
mod node;
mod notices;
mod pipeline;
#[cfg_attr(not(feature = "planted"), expect(unreachable_pub, reason = "public with the feature alone"))]
mod planted;
mod poll;
pub mod ports;
mod presence;
pub mod publish;
mod ready;
mod receipts;
pub mod registry;
mod render;
mod rollout;
mod services;
mod settings;
pub mod shard;
mod sight;
pub mod simulation;
mod sync;
pub mod volatile;
pub mod websocket;

pub use deed::{Deed, Done};
pub use engine::{
    Admission, ConnectionInfo, Dialect, Engine, Parts, PresenceInfo, SendRequest, Sent, StartError, TypeInfo,
};
pub use guest::{Guest, Places};
pub use handle::{Accepted, Context, Handle, Intent};
pub use hello::Hello;
pub use node::Node;
pub use notices::Notifications;
#[cfg(feature = "planted")]
pub use planted::Planted;
pub use registry::TypeDescription;
pub use render::cut_page;
pub use rollout::{Rollout, RolloutError, RolloutInForce, RolloutSource};
pub use settings::Settings;
