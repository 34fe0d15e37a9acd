//! What the readers read: one file a question.

mod acquainted;
mod conversations;
mod history;
mod log;
mod members;
#[cfg(test)]
mod plans;
mod standing;
mod unread;
mod visible;

pub(crate) use acquainted::acquainted;
pub(crate) use conversations::{conversation, conversations};
pub(crate) use history::{history, message};
pub(crate) use log::{since, written_by};
pub(crate) use members::{groups_of, members};
pub(crate) use standing::standings;
pub(crate) use unread::unread;
#[cfg(test)]
pub(crate) use unread::{GONE, UNCOUNTED};
pub(crate) use visible::{Visible, visible};
