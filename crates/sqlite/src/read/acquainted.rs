//! Who shares a conversation with a user.

use rusqlite::{Connection, params_from_iter};
use tidings_wire::UserId;

use crate::{ids::SqlId, readers::ReadError};

/// Those of `users` who are in a conversation now that the user is in too; but for a dm of which both see nothing but their own. One statement for all, which ends for each at the first
/// conversation that is found.
pub(crate) fn acquainted(connection: &Connection, of: UserId, users: &[UserId]) -> Result<Vec<UserId>, ReadError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let asked = (0..users.len()).map(|at| format!("(?{})", at + 2)).collect::<Vec<_>>().join(",");
    let sql = format!(
        "WITH asked (user) AS (VALUES {asked}) SELECT user FROM asked WHERE EXISTS \
         (SELECT 1 FROM members other CROSS JOIN members own ON own.conversation = other.conversation \
         CROSS JOIN conversations c ON c.id = own.conversation \
         WHERE other.user = asked.user AND other.left_seq IS NULL AND own.user = ?1 AND own.left_seq IS NULL \
         AND c.withheld IS NOT 2)"
    );
    let mut statement = connection.prepare(&sql)?;
    let values = std::iter::once(of).chain(users.iter().copied()).map(SqlId::from);
    let found = statement.query_map(params_from_iter(values), |row| row.get(0).map(|SqlId(id)| UserId(id)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
