//! Messages that go for good: erased with their sender, or pruned by their age.
//!
//! A row that goes leaves its seq in `gaps`, so that what is unread is counted without it, and its key is free again. The file
//! grows no smaller, but its pages are used again; what stood in them is overwritten (`secure_delete`). With the last
//! of an erasure or of a pruning the log is written back and emptied, unless somebody reads on an old snapshot for more than a second;
//! then the text stands there until it is overwritten. No seq, commit number
//! or id changes.

use rusqlite::{Connection, Row, params};
use tidings_engine::ports::Erased;
use tidings_wire::{Seq, UserId};

use crate::{choices, ids::SqlId, requests, seen};

/// Messages that one call erases. The others' commits wait for these and no more; the caller calls again.
const ERASED: usize = 2_000;

/// Erases what a user wrote, or the beginning of it. Marks and choices go with the last of it: a mark of 0 below messages of
/// one's own would count them as unread.
pub(crate) fn erase(connection: &Connection, user: UserId) -> rusqlite::Result<Erased> {
    let mut rows = connection
        .prepare_cached(WRITTEN)?
        .query_map(params![SqlId::from(user), ERASED + 1], place)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = rows.len() > ERASED;
    rows.truncate(ERASED);
    let messages = remove(connection, rows)?;
    if !more {
        connection
            .prepare_cached(
                "UPDATE members SET read_seq = 0, muted_until = NULL \
                 WHERE user = ?1 AND (read_seq <> 0 OR muted_until IS NOT NULL)",
            )?
            .execute([SqlId::from(user)])?;
        choices::forget(connection, user)?;
        seen::forget(connection, user)?;
        requests::forget_of(connection, user)?;
    }
    Ok(Erased { messages, more })
}

/// Removes messages and events of a type that are older than a Unix millisecond, oldest first; says how many.
pub(crate) fn prune(connection: &Connection, kind: &str, before_ms: i64, limit: u32) -> rusqlite::Result<u64> {
    let rows = connection
        .prepare_cached(OLD)?
        .query_map(params![kind, before_ms, limit], place)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    remove(connection, rows)
}

pub(crate) const WRITTEN: &str = "SELECT conversation, seq, commit_no FROM messages WHERE sender = ?1 AND key IS NOT NULL \
    UNION ALL SELECT conversation, seq, commit_no FROM messages WHERE sender = ?1 AND key IS NULL LIMIT ?2";

pub(crate) const OLD: &str = "SELECT conversation, seq, commit_no FROM messages WHERE type = ?1 AND created_at < ?2 \
    ORDER BY created_at, commit_no LIMIT ?3";

/// A row's stream, seq and commit number.
type Place = (i64, Seq, u64);

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn remove(connection: &Connection, mut rows: Vec<Place>) -> rusqlite::Result<u64> {
    rows.sort_unstable();
    let mut delete = connection.prepare_cached("DELETE FROM messages WHERE commit_no = ?1")?;
    for (_, _, commit) in &rows {
        delete.execute([commit])?;
    }
    for run in rows.chunk_by(|(one, seq, _), (other, next, _)| one == other && seq + 1 == *next) {
        let (&(conversation, first, _), &(_, last, _)) = (&run[0], &run[run.len() - 1]);
        add_gap(connection, conversation, first, last)?;
    }
    Ok(rows.len() as u64)
}

/// Joins a gap with those that it touches: there is one row for each stretch without messages.
fn add_gap(connection: &Connection, conversation: i64, first: Seq, last: Seq) -> rusqlite::Result<()> {
    let mut below =
        connection.prepare_cached("DELETE FROM gaps WHERE conversation = ?1 AND last = ?2 RETURNING first")?;
    let first = below.query_map(params![conversation, first - 1], |row| row.get(0))?.next().unwrap_or(Ok(first))?;
    let above = "UPDATE gaps SET first = ?2 WHERE conversation = ?1 AND first = ?3 + 1 AND last = \
                 (SELECT min(last) FROM gaps WHERE conversation = ?1 AND last > ?3)";
    if connection.prepare_cached(above)?.execute(params![conversation, first, last])? == 0 {
        connection
            .prepare_cached("INSERT INTO gaps (conversation, first, last) VALUES (?1, ?2, ?3)")?
            .execute(params![conversation, first, last])?;
    }
    Ok(())
}
