//! What becomes of notices.

use tidings_wire::{Notice, Reject, UserId};

use super::BoxFuture;
use crate::{act::Write, clock::Now, publish::Projection};

/// Keeps notifications: asked what a notice writes before the act that it goes with is committed, so that both are one commit.
///
/// Called once for an act with notices, on the thread that serves its sender, before the act is handed to the store; other acts go on
/// meanwhile. It has no side effects: an act may be refused after it.
pub trait Notices: Send + Sync + 'static {
    /// What these notices write, and what is made of the rows that those statements return.
    ///
    /// # Errors
    /// `bad_field` for a notice that makes no sense; `unavailable`. The act is refused with it.
    fn prepare(&self, notices: Vec<Notice>, from: Option<UserId>, now: Now) -> BoxFuture<Result<Prepared, Reject>>;
}

/// What notices write.
#[derive(Debug, Default)]
pub struct Prepared {
    /// After the act's own statements. None of them may refuse or end the act quietly.
    pub writes: Vec<Write>,
    /// Given the rows that these statements returned, and no others.
    pub project: Option<Projection>,
}
