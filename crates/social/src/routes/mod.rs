//! The pack's HTTP API, one file a subject.

mod asked;
mod comments;
mod follows;
mod likes;
mod posts;
mod saying;
mod shares;
mod standing;
mod users;

pub(crate) use asked::all;
pub(crate) use posts::erase_post;
