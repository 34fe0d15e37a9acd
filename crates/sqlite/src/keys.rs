//! Service keys.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidings_engine::ports::{BoxFuture, KeyRecord, ServiceKeys, StoreError};

use crate::{readers::ReadError, store::SqliteStore};

const COLUMNS: &str = "SELECT name, hash, scopes, created_at, last_used_at FROM service_keys";

impl ServiceKeys for SqliteStore {
    fn insert(&self, key: KeyRecord) -> BoxFuture<Result<bool, StoreError>> {
        self.write(move |connection| {
            let sql = "INSERT INTO service_keys (name, hash, scopes, created_at, last_used_at) \
                       VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO NOTHING";
            let KeyRecord { name, hash, scopes, created_at, last_used_at } = key;
            let values = params![name, hash, scopes.to_string(), created_at, last_used_at];
            Ok(connection.prepare_cached(sql)?.execute(values)? > 0)
        })
    }

    fn find(&self, hash: [u8; 32]) -> BoxFuture<Result<Option<KeyRecord>, StoreError>> {
        self.read(move |connection| {
            let sql = format!("{COLUMNS} WHERE hash = ?1");
            Ok(connection.prepare_cached(&sql)?.query_row([hash], record).optional()?)
        })
    }

    fn list(&self) -> BoxFuture<Result<Vec<KeyRecord>, StoreError>> {
        self.read(all)
    }

    fn revoke(&self, name: String) -> BoxFuture<Result<bool, StoreError>> {
        self.write(move |connection| {
            Ok(connection.prepare_cached("DELETE FROM service_keys WHERE name = ?1")?.execute([name])? > 0)
        })
    }

    fn used(&self, name: String, at: i64) -> BoxFuture<Result<(), StoreError>> {
        self.write(move |connection| {
            let sql = "UPDATE service_keys SET last_used_at = max(coalesce(last_used_at, ?2), ?2) WHERE name = ?1";
            connection.prepare_cached(sql)?.execute(params![name, at]).map(drop)
        })
    }
}

fn all(connection: &Connection) -> Result<Vec<KeyRecord>, ReadError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} ORDER BY name"))?;
    let records = statement.query_map([], record)?;
    Ok(records.collect::<rusqlite::Result<_>>()?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let scopes: String = row.get(2)?;
    let unread = |error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error));
    Ok(KeyRecord {
        name: row.get(0)?,
        hash: row.get(1)?,
        scopes: scopes.parse().map_err(unread)?,
        created_at: row.get(3)?,
        last_used_at: row.get(4)?,
    })
}
