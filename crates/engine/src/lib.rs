//! The engine of Tidings. To come.
#![deny(unsafe_code)]

pub mod act;
pub mod ports;
pub mod publish;
pub mod shard;
