//! A group's members, by their ids.

use rusqlite::{Connection, ToSql, params};
use tidings_wire::{ConversationKey, GroupId, UserId};

use crate::{ids::SqlId, readers::ReadError};

/// Members now, in the order of their ids, above `after`.
pub(crate) fn members(
    connection: &Connection,
    of: GroupId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserId>, ReadError> {
    let sql = "SELECT user FROM members WHERE conversation = (SELECT id FROM conversations WHERE key = ?1) \
               AND left_seq IS NULL AND user > ?2 ORDER BY user LIMIT ?3";
    let after = after.map(SqlId::from);
    // Below every id: integers are not negative, and stand before UUIDs.
    let after: &dyn ToSql = after.as_ref().map_or(&-1_i64, |after| after);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![ConversationKey::Group(of).to_string(), after, limit], |row| {
        row.get::<_, SqlId>(0).map(|id| UserId(id.0))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
