//! A group's members, by their ids; and a user's groups.

use rusqlite::{Connection, ToSql, params};
use tidings_wire::{ConversationKey, GroupId, UserId};

use crate::{ids::SqlId, members, readers::ReadError, row};

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

pub(super) const GROUPS_OF: &str = "SELECT c.key FROM members m CROSS JOIN conversations c ON c.id = m.conversation \
    WHERE m.user = ?1 AND m.conversation > ?2 AND c.kind = 'group' GROUP BY m.conversation ORDER BY m.conversation LIMIT ?3";

/// Groups that the user is or was in, by the rows of their streams, which never change.
pub(crate) fn groups_of(
    connection: &Connection,
    user: UserId,
    after: Option<GroupId>,
    limit: u32,
) -> Result<Vec<GroupId>, ReadError> {
    let after = match after {
        None => 0,
        Some(group) => match members::stream(connection, ConversationKey::Group(group))? {
            Some(stream) => stream.id,
            None => return Ok(Vec::new()),
        },
    };
    let mut statement = connection.prepare_cached(GROUPS_OF)?;
    let keys = statement
        .query_map(params![SqlId::from(user), after, limit], |row| row::conversation(row, 0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let group = |key| if let ConversationKey::Group(group) = key { Some(group) } else { None };
    Ok(keys.into_iter().filter_map(group).collect())
}
