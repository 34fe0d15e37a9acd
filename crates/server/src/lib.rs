//! The server of Tidings: HTTP, identity, the builder of apps, packs, and the handle.
//!
//! It stands between the engine, which knows no HTTP, and packs and apps, which know nothing else. An [`App`] collects message
//! types, packs and ports; [`App::build`] checks them; [`Server::start`] opens the store and starts the shards;
//! [`Running::serve`] accepts connections. The [`Tidings`] handle acts on it from anywhere.
//!
//! # Map, in the order that a connection passes
//! | file | holds |
//! |---|---|
//! | `app`, `pack`, `options`, `server` | what a server is made of: [`App`], [`Pack`], [`ServerOptions`], [`Server`], [`Running`] |
//! | `accept` | the accept loop: HTTP/1.1 with timeouts, until a socket is upgraded |
//! | `guard`, `body`, `extract` | around every route: web pages, bodies, arguments |
//! | `proxies`, `origin` | who is at the other end, and which page made it call |
//! | [`auth`] | tokens, sessions, service keys, sign-outs: who is calling |
//! | `limits` | how many connections a user and an address have |
//! | `upgrade`, `greeter`, `handover` | `GET /ws`; the `hello` of `tidings.v1`; the raw socket's way to the engine |
//! | `routes` | the HTTP API, one file a subject |
//! | `problem` | how every refusal looks: [`Problem`] |
//! | `topics` | who may watch what, by prefixes |
//! | `handle`, `erasure`, `changed`, `rollout`, `keeper` | [`Tidings`]: what the app's own code asks; what packs keep of users |
//! | `slot` | [`ServerSlot`]: how a pack's ports reach the server that they are a part of |
//! | `users`, `memory` | [`CachedUsers`]: what the app knows of its users, remembered |
//! | `phase`, `metrics` | how far it is, what is counted |
//!
//! # A server in an app
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use tidings_server::App;
//! use tidings_wire::{Audience, Message, Sender, UserId};
//!
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
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let running = App::new().message::<Poke>().build()?.start().await?;
//! let tidings = running.handle();
//!
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let serving = running.serve(listener, async { drop(stopped.await) });
//!
//! let app = async {
//!     let bob = UserId::new(2);
//!     tidings.send(&Poke { to: bob }, Sender::user_only(UserId::new(7))).await.expect("it is not kept, so nobody need hear it");
//!     assert!(!tidings.is_online(bob).await);
//!     drop(stop);
//! };
//! let (served, ()) = tokio::join!(serving, app);
//! served?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod accept;
mod app;
pub mod auth;
mod body;
mod changed;
mod erasure;
mod extract;
mod greeter;
mod guard;
mod handle;
mod handover;
mod keeper;
mod limits;
mod memory;
mod metrics;
mod options;
mod origin;
mod pack;
mod phase;
mod problem;
mod proxies;
mod rollout;
mod routes;
mod server;
mod slot;
mod topics;
mod upgrade;
mod users;

pub use app::{App, BuildError};
pub use body::{JsonBody, ServiceBody};
pub use changed::Changed;
pub use erasure::Erasure;
pub use extract::{IdempotencyKey, Params, Segments, id as parse_id};
pub use handle::Tidings;
pub use keeper::{Exported, Keeper};
pub use options::{DrainOptions, HttpOptions, LimitOptions, ServerOptions, UserOptions};
pub use origin::{AllowedOrigin, OriginError};
pub use pack::{Migration, Pack, PackMigrations, Setup};
pub use problem::Problem;
pub use proxies::{Network, NetworkError};
pub use routes::schema;
pub use server::{Running, Server};
pub use slot::{ServerSlot, Serving};
/// What packs and embedding apps need of the engine.
pub use tidings_engine::{
    Accepted, ConnectionInfo, Context, Deed, Dialect, Done, Handle, Intent, Rollout, RolloutError, RolloutInForce,
    RolloutSource, SendRequest, Sent, Settings, StartError, TypeDescription, TypeInfo, act, clock, ports, publish,
    registry::TypeSettings,
};
pub use users::{CachedPosts, CachedUsers};
pub use {axum, utoipa, utoipa_axum};
