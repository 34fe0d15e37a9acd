//! The one thread that writes.

mod aside;
mod batch;
mod change;
mod commit;
mod job;
mod mark;
mod thread;

pub(crate) use batch::keyed;
pub(crate) use job::{Fate, Job, WriteJob, transaction};
pub(crate) use thread::{Writer, set_max_bytes};
