//! The registered message types: built once, then read by every thread.

mod audience_words;
mod build;
mod describe;
mod entry;
mod enveloped;
mod example;
mod receive;
mod schema;

pub(crate) use build::TypeIndex;
pub use build::{BuildError, Registry, RegistryBuilder, TypeSettings, is_reserved, is_type_name};
pub use describe::TypeDescription;
pub(crate) use entry::TypeEntry;
pub(crate) use receive::{Draft, Received, Step, wrong_field};
