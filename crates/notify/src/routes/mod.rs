//! The pack's HTTP API, one file a subject.

mod all;
mod inbox;
mod notifications;
mod preferences;
mod quiet_hours;
mod trace;

pub(crate) use all::all;
