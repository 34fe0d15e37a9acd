//! The engine of Tidings. To come.
#![deny(unsafe_code)]

mod abort;
pub mod act;
mod audience;
mod blocking;
mod call;
pub mod clock;
mod delivery;
mod directory;
mod dispatcher;
mod driver;
mod engine;
pub mod handle;
mod limiter;
mod mailbox;
mod members;
mod metrics;
mod node;
mod pipeline;
pub mod ports;
pub mod publish;
pub mod registry;
mod render;
mod services;
mod settings;
pub mod shard;
pub mod websocket;

pub use engine::{Admission, ConnectionInfo, Dialect, Engine, Parts, SendRequest, Sent, StartError, TypeInfo};
pub use handle::{Accepted, Context, Handle, Intent};
pub use node::Node;
pub use settings::Settings;
