//! Posts of the app's own table.

use std::sync::Arc;

use tidings_engine::{
    act::Value,
    ports::{BoxFuture, Post, Posts, StoreError},
};
use tidings_wire::{PostId, UserId};

use super::{
    database::{AppDatabase, AppError},
    query::{Query, Shape, Sql},
    values::{id, object, one},
};

/// The statement for a post, `:post` or `$1`: its owner in the first column, and in the others what texts and notices may say of it, as
/// JSON by the columns' names.
pub struct AppPosts {
    database: AppDatabase,
    query: Arc<Query>,
}

const SHAPE: Shape = Shape { parameters: &["post"], needed: &[&["post"]], columns: (1, 64) };

impl AppPosts {
    /// Checks the statement.
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn new(database: &AppDatabase, sql: Sql<'_>) -> Result<Self, AppError> {
        Ok(Self { database: database.clone(), query: database.prepare(sql, &SHAPE)? })
    }
}

impl Posts for AppPosts {
    fn post(&self, post: PostId) -> BoxFuture<Result<Option<Post>, StoreError>> {
        let read = |row: &rusqlite::Row<'_>| Ok(Post { owner: UserId(id(row, 0)?), details: object(row, 1)? });
        self.database.ask(&self.query, vec![Value::Id(post.0)], move |rows| one(rows, read))
    }
}
