//! `cargo xtask tidy`: the house rules that neither the compiler nor clippy knows, each as data with its reason.
//!
//! # Layout, in the order a run passes them
//! - [`tree`]: the repository's files, read once
//! - [`source`]: a Rust file with comments and literals blanked, and its test code marked
//! - [`length`], [`layers`], [`banned`], [`text`]: the rules, one file a group
//! - [`report`]: what is wrong, where, and what to do

mod banned;
mod layers;
mod length;
mod report;
mod source;
mod text;
mod tree;

pub(crate) use report::run;
