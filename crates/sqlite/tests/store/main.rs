//! The store on real files.

mod contract;
mod crash;
mod files;
mod locks;
mod packs;
mod reads;
mod small_disk;
mod statements;
mod support;
mod trouble;
