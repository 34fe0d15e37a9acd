//! The store on real files.

mod backup;
mod contract;
mod crash;
mod files;
mod locks;
mod packs;
mod reads;
mod small_disk;
mod space;
mod statements;
mod support;
mod trouble;
