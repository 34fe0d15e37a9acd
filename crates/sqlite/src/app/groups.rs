//! Groups of the app's own tables.

use tidings_engine::ports::{BoxFuture, Groups, StoreError};
use tidings_wire::{GroupId, UserId};

use super::{
    database::{AppDatabase, AppError},
    pages::AppList,
    query::Sql,
};

/// The statement for the members of a group: see [`AppList::of_group`]. They change by the app alone: a view of them grows old.
pub struct AppGroups(AppList);

impl AppGroups {
    /// Checks the statement.
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn new(database: &AppDatabase, sql: Sql<'_>) -> Result<Self, AppError> {
        AppList::of_group(database, sql).map(Self)
    }
}

impl Groups for AppGroups {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.0.users(of.0, after, limit)
    }

    fn own(&self) -> bool {
        false
    }
}
