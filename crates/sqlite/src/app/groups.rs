//! Groups of the app's own tables.

use std::time::Duration;

use tidings_engine::ports::{BoxFuture, Groups, StoreError};
use tidings_wire::{GroupId, UserId};

use super::{
    database::{AppDatabase, AppError},
    pages::AppList,
    query::Sql,
};

/// The statement for the members of a group: see [`AppList::of_group`]. They change by the app alone: a view of them grows old.
pub struct AppGroups {
    members: AppList,
    max_age: Duration,
}

impl AppGroups {
    /// Checks the statement. `max_age` is how old what was read may be when it is used: at most
    /// [`GROUPS_MAX_AGE`](tidings_engine::ports::GROUPS_MAX_AGE).
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn new(database: &AppDatabase, sql: Sql<'_>, max_age: Duration) -> Result<Self, AppError> {
        Ok(Self { members: AppList::of_group(database, sql)?, max_age })
    }
}

impl Groups for AppGroups {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.members.users(of.0, after, limit)
    }

    fn own(&self) -> bool {
        false
    }

    fn max_age(&self) -> Duration {
        self.max_age
    }
}
