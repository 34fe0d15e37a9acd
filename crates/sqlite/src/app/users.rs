//! Users of the app's own table.

use std::sync::Arc;

use tidings_engine::{
    act::Value,
    ports::{BoxFuture, Profile, StoreError, Users},
};
use tidings_wire::UserId;

use super::{
    database::{AppDatabase, AppError},
    query::{Query, Shape, Sql},
    values::{object, one},
};

/// The statement for a user, `:user` or `$1`: the columns `name`, `language` and `zone`, each where it is there, and any others as JSON
/// by their names.
pub struct AppUsers {
    database: AppDatabase,
    query: Arc<Query>,
}

const SHAPE: Shape = Shape { parameters: &["user"], needed: &[&["user"]], columns: (1, 64) };

impl AppUsers {
    /// Checks the statement.
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn new(database: &AppDatabase, sql: Sql<'_>) -> Result<Self, AppError> {
        Ok(Self { database: database.clone(), query: database.prepare(sql, &SHAPE)? })
    }
}

impl Users for AppUsers {
    fn user(&self, user: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>> {
        self.database
            .ask(&self.query, vec![Value::Id(user.0)], |rows| one(rows, |row| Ok(Profile::from(object(row, 0)?))))
    }
}
