//! Users who were signed out everywhere.

use rusqlite::{OptionalExtension, params};
use tidings_engine::ports::{BoxFuture, Revocations, StoreError};
use tidings_wire::UserId;

use crate::{ids::SqlId, store::SqliteStore};

impl Revocations for SqliteStore {
    fn revoke(&self, user: UserId, issued_until: i64) -> BoxFuture<Result<(), StoreError>> {
        self.write(move |connection| {
            let sql = "INSERT INTO revoked (user, before) VALUES (?1, ?2) \
                       ON CONFLICT (user) DO UPDATE SET before = max(before, excluded.before)";
            connection.prepare_cached(sql)?.execute(params![SqlId::from(user), issued_until]).map(drop)
        })
    }

    fn revoked_until(&self, user: UserId) -> BoxFuture<Result<Option<i64>, StoreError>> {
        self.read(move |connection| {
            let sql = "SELECT before FROM revoked WHERE user = ?1";
            Ok(connection.prepare_cached(sql)?.query_row([SqlId::from(user)], |row| row.get(0)).optional()?)
        })
    }

    fn latest(&self, limit: u32) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        self.read(move |connection| {
            let sql = "SELECT user, before FROM revoked ORDER BY before DESC LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([limit], |row| {
                let user: SqlId = row.get(0)?;
                Ok((user.0.into(), row.get(1)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
