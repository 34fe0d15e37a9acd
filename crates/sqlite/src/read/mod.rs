//! What the readers read: one file a question.

mod conversations;
mod history;
mod log;
mod members;
mod visible;

pub(crate) use conversations::conversations;
pub(crate) use history::history;
pub(crate) use log::since;
pub(crate) use members::members;
