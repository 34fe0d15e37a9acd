//! The store on real files.

mod contract;
mod crash;
mod files;
mod packs;
mod reads;
mod statements;
mod support;
mod trouble;
