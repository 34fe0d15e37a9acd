//! Sessions of the app's own table.

use std::{fmt::Write, sync::Arc};

use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use tidings_engine::{
    act::Value,
    ports::{BoxFuture, Session, SessionResolver, StoreError},
};
use tidings_wire::UserId;

use super::{
    database::{AppDatabase, AppError},
    query::{Query, QueryError, Shape, Sql},
    values::{id, name, one},
};

/// The statement for sessions: from the cookie's value, `:cookie` or `$1`, or its SHA-256 in 64 lower-case hexadecimal digits, `:sha256`
/// or `$2`, to the user and, in a second column if there is one, to the Unix second in which the session ends (NULL: it does not).
pub struct AppSessions {
    database: AppDatabase,
    query: Arc<Query>,
}

const SHAPE: Shape = Shape { parameters: &["cookie", "sha256"], needed: &[&["cookie", "sha256"]], columns: (1, 2) };

impl AppSessions {
    /// Checks the statement.
    ///
    /// # Errors
    /// [`AppError::Query`].
    pub fn new(database: &AppDatabase, sql: Sql<'_>) -> Result<Self, AppError> {
        Ok(Self { database: database.clone(), query: database.prepare(sql, &SHAPE)? })
    }
}

impl SessionResolver for AppSessions {
    fn resolve(&self, cookie: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        let mut hash = String::with_capacity(64);
        for byte in Sha256::digest(&cookie) {
            let _ = write!(hash, "{byte:02x}");
        }
        let clock = self.database.options().clock.clone();
        let values = vec![Value::Text(cookie.into()), Value::Text(hash.into())];
        let found = self.database.ask(&self.query, values, |rows| one(rows, session));
        Box::pin(async move {
            let now = clock.now().unix();
            Ok(found.await?.filter(|session| session.expires_at.is_none_or(|end| now < end)))
        })
    }
}

fn session(row: &rusqlite::Row<'_>) -> Result<Session, QueryError> {
    let user = UserId(id(row, 0)?);
    if row.as_ref().column_count() == 1 {
        return Ok(Session { user, expires_at: None });
    }
    let wrong = |found| {
        let expected = "a Unix second, as unixepoch(…) gives it";
        Err(QueryError::Column { column: name(row, 1).to_owned(), found, expected })
    };
    let expires_at = match row.get_ref(1)? {
        ValueRef::Null => None,
        ValueRef::Integer(second) => Some(second),
        // A fraction ends with its second.
        ValueRef::Real(second) => Some(second as i64),
        ValueRef::Text(_) => return wrong("text"),
        ValueRef::Blob(_) => return wrong("bytes"),
    };
    Ok(Session { user, expires_at })
}
