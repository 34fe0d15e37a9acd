//! The engine of Tidings. To come.
#![deny(unsafe_code)]

pub mod act;
mod blocking;
pub mod clock;
mod directory;
mod engine;
pub mod handle;
mod limiter;
mod members;
mod metrics;
pub mod ports;
pub mod publish;
pub mod registry;
mod services;
mod settings;
pub mod shard;
pub mod websocket;

pub use engine::{Admission, ConnectionInfo, Dialect, Engine, Parts, SendRequest, Sent, StartError, TypeInfo};
pub use handle::{Accepted, Context, Handle, Intent};
pub use settings::Settings;
