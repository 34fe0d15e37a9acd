//! What the writer does beside acts: sessions, keys, revocations, migrations of packs.

use std::sync::mpsc::SyncSender;

use rusqlite::{Connection, TransactionBehavior};
use tidings_engine::ports::StoreError;

use crate::error::{is_environment, unavailable};

/// A job in the writer's queue.
pub(crate) enum Job {
    /// Writes something else than acts, in a transaction of its own.
    Write(WriteJob),
    /// Commits what was submitted before, closes, and says so.
    Stop(SyncSender<()>),
}

/// Gets the connection, or why there is none; tells its caller what came of it, and the writer whether to go on.
pub(crate) type WriteJob = Box<dyn FnOnce(Result<&mut Connection, StoreError>) -> Fate + Send>;

/// What a job found out about the connection.
pub(crate) enum Fate {
    /// It works.
    Works,
    /// It works, and what was taken out of the database is to be gone from the log too.
    Removed,
    /// It is not known to: open it again.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

/// Runs `work` in a transaction, and only then tells what came of it.
pub(crate) fn transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> (Result<T, StoreError>, Fate) {
    let committed = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    })();
    match committed {
        Ok(result) => (Ok(result), Fate::Works),
        Err(error) if is_environment(&error) => {
            let cause = error.to_string();
            (Err(unavailable(cause)), Fate::Broken(error.into()))
        }
        Err(error) => (Err(unavailable(error)), Fate::Works),
    }
}
