//! Mistakes made on purpose: what looks for lost acknowledgements must find them. Only with the feature `planted`, which
//! nothing but tests asks for.

use std::{io, time::Duration};

use rusqlite::{DropBehavior, Transaction};

use crate::open::Opened;

/// A mistake that the writer makes on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Planted {
    /// Commits without waiting for the disk: `synchronous=NORMAL`.
    SynchronousNormal,
    /// Acknowledges before COMMIT.
    AcknowledgeBeforeCommit,
    /// The same, and COMMIT comes so late that a process which is killed has lost what a client holds for stored.
    AcknowledgeLongBeforeCommit,
    /// Goes on with the log as it is after a sync that failed.
    NoRenewal,
}

/// A disk of which a test knows what is synced. Each call may fail, and then nothing was done.
pub trait PlantedDisk: Send + Sync {
    /// The log is about to be replaced, for good, by a synced file with this content.
    ///
    /// # Errors
    /// What the disk says.
    fn replace_log(&self, content: &[u8]) -> io::Result<()>;

    /// The store syncs the names in its folder.
    ///
    /// # Errors
    /// What the disk says.
    fn sync_folder(&self) -> io::Result<()>;
}

/// The variable that plants [`Planted::AcknowledgeLongBeforeCommit`] in a process that tests start.
const VARIABLE: &str = "TIDINGS_TEST_PLANT";

/// How long COMMIT waits then.
const LATE: Duration = Duration::from_millis(20);

impl Planted {
    /// What the environment plants: for the program as a whole, which has no other way to be told.
    pub(crate) fn from_environment() -> Option<Self> {
        std::env::var_os(VARIABLE)
            .is_some_and(|value| value == "acknowledge-long-before-commit")
            .then_some(Self::AcknowledgeLongBeforeCommit)
    }

    /// Whether COMMIT is left to [`commit_late`].
    pub(crate) fn commits_late(self) -> bool {
        matches!(self, Self::AcknowledgeBeforeCommit | Self::AcknowledgeLongBeforeCommit)
    }
}

/// Leaves a transaction to [`commit_late`].
pub(crate) fn leave_open(mut transaction: Transaction<'_>) {
    transaction.set_drop_behavior(DropBehavior::Ignore);
}

/// Commits what [`leave_open`] left, after it was acknowledged.
pub(crate) fn commit_late(opened: &Opened) -> rusqlite::Result<()> {
    if opened.connection.is_autocommit() {
        return Ok(());
    }
    if opened.planted == Some(Planted::AcknowledgeLongBeforeCommit) {
        std::thread::sleep(LATE);
    }
    opened.connection.execute_batch("COMMIT")
}
