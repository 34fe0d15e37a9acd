//! `tidings.v1` as its clients see it, in a world without sockets, threads or clock.

mod acknowledged;
mod attention;
mod blocks;
mod changes;
mod greeting;
mod inbox;
mod inbox_model;
mod inbox_pages;
mod marks;
mod pages;
mod resume;
mod typing;
mod world;
