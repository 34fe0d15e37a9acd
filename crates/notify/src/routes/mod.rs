//! The pack's HTTP API, one file a subject.

mod all;
mod dead_letters;
mod inbox;
mod notifications;
mod preferences;
mod push;
mod quiet_hours;
mod trace;

pub(crate) use all::all;
