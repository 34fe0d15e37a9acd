//! The one thread that writes.

mod batch;
mod commit;
mod job;
mod thread;

pub(crate) use batch::keyed;
pub(crate) use job::{Fate, Job, WriteJob, transaction};
pub(crate) use thread::{Writer, set_max_bytes};
