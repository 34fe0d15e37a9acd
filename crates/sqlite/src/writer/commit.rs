//! One transaction for many acts: the group commit.

use rusqlite::{Transaction, TransactionBehavior};
use tidings_engine::act::{Act, CommitNumber, Outcome};

use super::batch::{Batch, Lost, failed};
use crate::open::Opened;

/// What never goes back: kept in memory too, so that not even a commit that failed gives a number twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    pub(crate) last_commit: u64,
    pub(crate) last_id: Option<i64>,
}

/// What came of one act.
pub(crate) type Answer = (Option<CommitNumber>, Outcome);

/// What came of all acts, in their order.
pub(crate) struct Committed {
    pub(crate) answers: Vec<Answer>,
    /// Why the database did not commit the last of them, which are answered `unavailable`.
    pub(crate) trouble: Option<rusqlite::Error>,
}

/// Commits acts in their order, and says what came of each.
///
/// An act whose statement took the transaction with it (`ON CONFLICT ROLLBACK`, a statement that was ended) costs the others
/// their joint transaction and no more: they are then committed one by one. So a batch is done twice at most, however many
/// such acts it has.
///
/// # Errors
/// Where the database does not commit. Then none of the acts is known to be on disk.
pub(crate) fn commit(opened: &mut Opened, counters: &mut Counters, acts: &[Act]) -> rusqlite::Result<Committed> {
    match attempt(opened, counters, acts) {
        Ok(answers) => Ok(Committed { answers, trouble: None }),
        Err(Lost::ByDatabase(error)) => Err(error),
        Err(Lost::ByAct(_)) => one_by_one(opened, counters, acts),
    }
}

fn one_by_one(opened: &mut Opened, counters: &mut Counters, acts: &[Act]) -> rusqlite::Result<Committed> {
    let mut answers = Vec::with_capacity(acts.len());
    for act in acts {
        match attempt(opened, counters, std::slice::from_ref(act)) {
            Ok(answer) => answers.extend(answer),
            Err(Lost::ByAct(source)) => {
                tracing::error!(%source, "a statement of an act rolled its transaction back; the act is answered `unavailable`");
                answers.push(failed());
            }
            Err(Lost::ByDatabase(error)) if answers.is_empty() => return Err(error),
            Err(Lost::ByDatabase(error)) => {
                // What is on disk by now is answered and delivered.
                answers.resize_with(acts.len(), failed);
                return Ok(Committed { answers, trouble: Some(error) });
            }
        }
    }
    Ok(Committed { answers, trouble: None })
}

fn attempt(opened: &mut Opened, counters: &mut Counters, acts: &[Act]) -> Result<Vec<Answer>, Lost> {
    // Immediate: a lock that can't be had is found before anything is done.
    let transaction = Transaction::new(&mut opened.connection, TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction, &opened.limit, *counters);
    let mut answers = Vec::with_capacity(acts.len());
    for act in acts {
        answers.push(batch.act(act)?);
    }
    let reached = batch.finish()?;
    *counters = reached;
    #[cfg(feature = "planted")]
    if opened.planted.is_some_and(crate::Planted::commits_late) {
        crate::planted::leave_open(transaction);
        return Ok(answers);
    }
    #[cfg(feature = "failpoints")]
    tidings_engine::failpoint::Failpoint::BeforeCommit.pass();
    transaction.commit()?;
    #[cfg(feature = "failpoints")]
    tidings_engine::failpoint::Failpoint::AfterCommit.pass();
    Ok(answers)
}
