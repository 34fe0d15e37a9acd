//! When users were last there.

use rusqlite::{Connection, params, params_from_iter};
use tidings_engine::act::Seen;
use tidings_wire::UserId;

use crate::{ids::SqlId, readers::ReadError};

pub(crate) const SEEN: &str = "INSERT INTO seen (user, at) SELECT ?1, ?2 \
    WHERE ?3 OR NOT EXISTS (SELECT 1 FROM choices WHERE user = ?1 AND visible = 0) \
    ON CONFLICT (user) DO UPDATE SET at = excluded.at";

/// Writes it in place of what was known; of whom it is not sure, only where they have not chosen to be invisible.
pub(crate) fn seen(connection: &Connection, Seen { user, at, sure }: Seen) -> rusqlite::Result<()> {
    match at {
        Some(at) => connection.prepare_cached(SEEN)?.execute(params![SqlId::from(user), at, sure]).map(drop),
        None => forget(connection, user),
    }
}

/// Nothing is known of the user.
pub(crate) fn forget(connection: &Connection, of: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM seen WHERE user = ?1")?.execute([SqlId::from(of)]).map(drop)
}

/// One statement for all who are asked about.
pub(crate) fn last_seen(connection: &Connection, of: &[UserId]) -> Result<Vec<(UserId, i64)>, ReadError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let asked = vec!["?"; of.len()].join(",");
    let mut statement = connection.prepare(&format!("SELECT user, at FROM seen WHERE user IN ({asked})"))?;
    let values = of.iter().copied().map(SqlId::from);
    let found = statement
        .query_map(params_from_iter(values), |row| Ok((row.get(0).map(|SqlId(id)| UserId(id))?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
