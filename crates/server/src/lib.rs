//! The server of Tidings: HTTP, identity, the app builder, packs, and the handle. To be completed.
#![deny(unsafe_code)]

mod accept;
mod app;
pub mod auth;
mod handle;
mod limits;
mod metrics;
mod nothing;
mod options;
mod origin;
mod pack;
mod phase;
mod problem;
mod proxies;
mod routes;
mod server;

pub use app::{App, BuildError};
pub use handle::Tidings;
pub use options::{DrainOptions, HttpOptions, LimitOptions, ServerOptions};
pub use origin::{AllowedOrigin, OriginError};
pub use pack::{Migration, Pack, PackMigrations, Setup};
pub use problem::Problem;
pub use proxies::{Network, NetworkError};
pub use server::{Running, Server};
pub use tidings_engine::StartError;
pub use {axum, utoipa, utoipa_axum};
