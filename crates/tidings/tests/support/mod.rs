//! The real program, run as a user runs it: its own process, a fresh folder, a port of the system's choice.

pub(crate) mod http;
pub(crate) mod process;
