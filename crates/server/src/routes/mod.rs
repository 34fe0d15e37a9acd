//! The HTTP API, one file a subject.

mod assemble;
mod changed;
mod changes;
mod connections;
mod conversations;
mod erasure;
mod export;
mod groups;
mod history;
mod marks;
mod me;
mod messages;
mod operate;
mod operations;
mod presence;
mod rollouts;
pub mod schema;
mod types;

pub(crate) use assemble::{assemble, finish};
