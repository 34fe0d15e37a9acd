//! Calls that stored no message and were given a key: what each was answered, for its repeats.

use rusqlite::{Connection, OptionalExtension, params};
use tidings_engine::act::{BodyHash, First, Request};
use tidings_wire::{Key, UserId};

use crate::row;

pub(crate) const FOUND: &str =
    "SELECT CAST(answer AS INTEGER), created_at, hash FROM requests WHERE scope = ?1 AND key = ?2";

pub(crate) const REMEMBER: &str =
    "INSERT INTO requests (scope, key, hash, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(crate) const OLD: &str = "SELECT rowid FROM requests WHERE created_at < ?1 ORDER BY created_at LIMIT ?2";

/// What a request was answered, with the hash of what it asked.
pub(crate) fn found(
    connection: &Connection,
    by: Option<UserId>,
    key: &Key,
) -> rusqlite::Result<Option<(First, BodyHash)>> {
    let read =
        |row: &rusqlite::Row<'_>| Ok((First { id: row::message_id(row, 0)?, created_at_ms: row.get(1)? }, row.get(2)?));
    connection.prepare_cached(FOUND)?.query_row(params![scope(by), key.as_str()], read).optional()
}

/// Remembers one that was looked for before and not found.
pub(crate) fn remember(connection: &Connection, by: Option<UserId>, request: &Request) -> rusqlite::Result<()> {
    let Request { key, hash, first } = request;
    let values = params![scope(by), key.as_str(), hash.as_slice(), first.id.to_string(), first.created_at_ms];
    connection.prepare_cached(REMEMBER)?.execute(values).map(drop)
}

/// Forgets requests that are older than a Unix millisecond, oldest first; says how many.
pub(crate) fn forget_old(connection: &Connection, before_ms: i64, limit: u32) -> rusqlite::Result<u64> {
    let sql = format!("DELETE FROM requests WHERE rowid IN ({OLD})");
    connection.prepare_cached(&sql)?.execute(params![before_ms, limit]).map(|forgotten| forgotten as u64)
}

/// Forgets all of a user's.
pub(crate) fn forget_of(connection: &Connection, user: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM requests WHERE scope = ?1")?.execute([scope(Some(user))]).map(drop)
}

/// No id is an empty text.
fn scope(by: Option<UserId>) -> String {
    by.map(|user| user.to_string()).unwrap_or_default()
}
