//! Mistakes made on purpose: what looks for lost acknowledgements must find them. Only with the feature `planted`, which
//! nothing but this crate's own tests asks for.

use rusqlite::{Connection, DropBehavior, Transaction};

/// A mistake that the writer makes on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Planted {
    /// Commits without waiting for the disk: `synchronous=NORMAL`.
    SynchronousNormal,
    /// Acknowledges before COMMIT.
    AcknowledgeBeforeCommit,
}

/// Leaves a transaction to [`commit_late`].
pub(crate) fn leave_open(mut transaction: Transaction<'_>) {
    transaction.set_drop_behavior(DropBehavior::Ignore);
}

/// Commits what [`leave_open`] left, after it was acknowledged.
pub(crate) fn commit_late(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() { Ok(()) } else { connection.execute_batch("COMMIT") }
}
