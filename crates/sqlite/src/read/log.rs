//! Messages in the order of their commits.

use rusqlite::{Connection, params};
use tidings_engine::{act::CommitNumber, ports::StoredMessage};

use crate::{readers::ReadError, row};

/// The messages committed after a commit number.
pub(crate) fn since(
    connection: &Connection,
    after: CommitNumber,
    limit: u32,
) -> Result<Vec<(CommitNumber, StoredMessage)>, ReadError> {
    let sql = format!(
        "SELECT {}, m.commit_no, c.key FROM messages m JOIN conversations c ON c.id = m.conversation \
         WHERE m.commit_no > ?1 ORDER BY m.commit_no LIMIT ?2",
        row::MESSAGE
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![after.0, limit], |row| {
        Ok((CommitNumber(row.get(8)?), row::message(row, row::conversation(row, 9)?)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
