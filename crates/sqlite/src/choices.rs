//! What users chose for themselves.

use rusqlite::{Connection, OptionalExtension, params};
use tidings_engine::ports::Choices;
use tidings_wire::UserId;

use crate::ids::SqlId;

/// What the user chose; the default where they chose nothing.
pub(crate) fn choices(connection: &Connection, of: UserId) -> rusqlite::Result<Choices> {
    let chosen = connection
        .prepare_cached("SELECT receipts, visible FROM choices WHERE user = ?1")?
        .query_row([SqlId::from(of)], |row| Ok(Choices { receipts: row.get(0)?, visible: row.get(1)? }))
        .optional()?;
    Ok(chosen.unwrap_or_default())
}

/// Sets what the user chose.
pub(crate) fn choose(connection: &Connection, of: UserId, choices: Choices) -> rusqlite::Result<()> {
    let sql = "INSERT INTO choices (user, receipts, visible) VALUES (?1, ?2, ?3) \
               ON CONFLICT (user) DO UPDATE SET receipts = excluded.receipts, visible = excluded.visible";
    connection.prepare_cached(sql)?.execute(params![SqlId::from(of), choices.receipts, choices.visible]).map(drop)
}

/// The user has chosen nothing.
pub(crate) fn forget(connection: &Connection, of: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM choices WHERE user = ?1")?.execute([SqlId::from(of)]).map(drop)
}
