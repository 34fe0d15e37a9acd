//! The HTTP API, one file a subject.

mod assemble;
mod connections;
mod conversations;
mod groups;
mod history;
mod me;
mod messages;
mod operate;
mod presence;
mod schema;
mod types;

pub(crate) use assemble::{assemble, finish};
