//! One transaction for many acts: the group commit.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tidings_engine::act::{Act, CommitNumber, Outcome};

use super::batch::{Batch, Lost};
use crate::open::Limit;

/// What never goes back: kept in memory too, so that not even a commit that failed gives a number twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    pub(crate) last_commit: u64,
    pub(crate) last_id: Option<i64>,
}

/// What came of one act.
pub(crate) type Answer = (Option<CommitNumber>, Outcome);

/// Commits acts in their order, and says what came of each.
///
/// An act whose statement took the transaction with it (`ON CONFLICT ROLLBACK`, a statement that was ended) is left out
/// and the rest done again, so that it costs nobody else.
///
/// # Errors
/// Where the database does not commit. Then none of the acts is known to be on disk.
pub(crate) fn commit(
    connection: &mut Connection,
    limit: &Limit,
    counters: &mut Counters,
    acts: &[Act],
) -> rusqlite::Result<Vec<Answer>> {
    let mut left_out = vec![false; acts.len()];
    loop {
        match attempt(connection, limit, counters, acts, &left_out) {
            Ok(answers) => return Ok(answers),
            Err(Lost::ByAct { index, source }) => {
                tracing::error!(%source, "a statement of an act rolled its transaction back; the act is answered `unavailable`");
                left_out[index] = true;
            }
            Err(Lost::ByDatabase(error)) => return Err(error),
        }
    }
}

fn attempt(
    connection: &mut Connection,
    limit: &Limit,
    counters: &mut Counters,
    acts: &[Act],
    left_out: &[bool],
) -> Result<Vec<Answer>, Lost> {
    // Immediate: a lock that can't be had is found before anything is done.
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction, limit, *counters);
    let mut answers = Vec::with_capacity(acts.len());
    for (index, act) in acts.iter().enumerate() {
        answers.push(if left_out[index] { super::batch::failed() } else { batch.act(index, act)? });
    }
    let reached = batch.finish()?;
    *counters = reached;
    transaction.commit()?;
    Ok(answers)
}
