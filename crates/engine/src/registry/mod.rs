//! The registered message types: built once, then read by every thread.

mod build;
mod entry;
mod enveloped;
mod receive;
mod schema;

pub(crate) use build::TypeIndex;
pub use build::{BuildError, Registry, RegistryBuilder, TypeSettings};
pub(crate) use entry::TypeEntry;
pub(crate) use receive::{Draft, Received, Step, wrong_field};
