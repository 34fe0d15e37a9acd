//! A test kit for people who build with or on Tidings.

pub mod contract;
pub mod memory;
