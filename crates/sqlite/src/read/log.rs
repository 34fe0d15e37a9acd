//! Messages in the order of their commits.

use rusqlite::{Connection, Row, params};
use tidings_engine::{act::CommitNumber, ports::StoredMessage};
use tidings_wire::UserId;

use crate::{ids::SqlId, readers::ReadError, row};

/// A message with its commit.
type Logged = (CommitNumber, StoredMessage);

/// The messages and events committed after a commit number.
pub(crate) fn since(connection: &Connection, after: CommitNumber, limit: u32) -> Result<Vec<Logged>, ReadError> {
    let mut statement = connection.prepare_cached(&sql("m.commit_no > ?1"))?;
    let rows = statement.query_map(params![after.0, limit], logged)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What a user wrote after a commit number.
///
/// Their commits are looked up in two indices, of sends with a key and without; the first is in the order of keys, so that a page
/// costs a walk through all keys of the user, about 0.1 µs each, and spares every send an index of its own.
pub(crate) fn written_by(
    connection: &Connection,
    user: UserId,
    after: CommitNumber,
    limit: u32,
) -> Result<Vec<Logged>, ReadError> {
    let mut one = connection.prepare_cached(&sql("m.commit_no = ?1"))?;
    let (mut after, limit) = (after.0, limit as usize);
    let mut written = Vec::new();
    while written.len() < limit {
        let commits = commits(connection, user, after, limit)?;
        for &commit in commits.iter().take(limit) {
            if written.len() < limit {
                written.extend(one.query_map(params![commit, 1], logged)?.collect::<rusqlite::Result<Vec<_>>>()?);
            }
        }
        match commits.last() {
            Some(&last) if commits.len() == limit => after = last,
            _ => break,
        }
    }
    Ok(written)
}

/// What is shown of the messages for which a condition on their commits holds, at most `?2`.
pub(super) fn sql(condition: &str) -> String {
    format!(
        "SELECT {}, m.commit_no, c.key, CASE WHEN c.withheld IS NOT NULL THEN (SELECT w.user FROM withheld w \
         WHERE w.conversation = m.conversation AND w.last >= m.seq AND w.first <= m.seq) END \
         FROM {} JOIN conversations c ON c.id = m.conversation \
         WHERE {condition} AND NOT {} ORDER BY m.commit_no LIMIT ?2",
        row::MESSAGE,
        row::TABLES,
        row::HIDDEN
    )
}

pub(super) const COMMITS: &str = "SELECT commit_no FROM messages WHERE sender = ?1 AND key IS NOT NULL AND commit_no > ?2 \
    UNION ALL SELECT commit_no FROM messages WHERE sender = ?1 AND key IS NULL AND commit_no > ?2 ORDER BY 1 LIMIT ?3";

fn commits(connection: &Connection, user: UserId, after: u64, limit: usize) -> rusqlite::Result<Vec<u64>> {
    let mut statement = connection.prepare_cached(COMMITS)?;
    statement.query_map(params![SqlId::from(user), after, limit], |row| row.get(0))?.collect()
}

fn logged(row: &Row<'_>) -> rusqlite::Result<Logged> {
    let at = row::MESSAGE_COLUMNS;
    let message = row::message(row, row::conversation(row, at + 1)?)?;
    let withheld = row.get::<_, Option<SqlId>>(at + 2)?.map(|id| id.0.into());
    Ok((CommitNumber(row.get(at)?), StoredMessage { withheld, ..message }))
}
