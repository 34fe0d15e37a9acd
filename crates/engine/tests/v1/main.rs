//! `tidings.v1` as its clients see it, in a world without sockets, threads or clock.

mod acknowledged;
mod blocks;
mod changes;
mod greeting;
mod marks;
mod pages;
mod resume;
mod typing;
mod world;
