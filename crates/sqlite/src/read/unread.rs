//! How many messages a user has not read.

use rusqlite::{Connection, params};
use tidings_wire::Seq;

use super::visible::Interval;

/// Messages above a user's mark that they see and did not send, that are not deleted, no events, not gone.
///
/// Counted by subtraction, so that it costs the exceptions above the mark and not the messages: the span of what is visible,
/// less events and deleted messages, which have an index, less what is gone, which stands in `gaps`. No message of one's own
/// lies above one's mark: sending moves it in the same commit, whoever sends in the user's name; what is sent while the user
/// is no member is not seen by them; a rejoin takes the mark along; and an erasure resets it only when nothing of theirs is left.
pub(crate) fn unread(
    connection: &Connection,
    conversation: i64,
    visible: &[Interval],
    read: Seq,
) -> rusqlite::Result<u64> {
    let mut unread = 0;
    for part in visible.iter().filter_map(|part| part.within(Some(read), None)) {
        unread += part.len() - uncounted(connection, conversation, part)? - gone(connection, conversation, part)?;
    }
    Ok(unread)
}

pub(crate) const UNCOUNTED: &str = "SELECT count(*) FROM messages WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3 \
    AND (\"of\" IS NOT NULL OR deleted_at IS NOT NULL)";

fn uncounted(connection: &Connection, conversation: i64, part: Interval) -> rusqlite::Result<u64> {
    connection.prepare_cached(UNCOUNTED)?.query_row(params![conversation, part.after, part.to], |row| row.get(0))
}

pub(crate) const GONE: &str = "SELECT first, last FROM gaps WHERE conversation = ?1 AND last > ?2 ORDER BY last";

fn gone(connection: &Connection, conversation: i64, part: Interval) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(GONE)?;
    let mut gaps = statement.query(params![conversation, part.after])?;
    let mut gone = 0;
    while let Some(gap) = gaps.next()? {
        let (first, last): (Seq, Seq) = (gap.get(0)?, gap.get(1)?);
        if first > part.to {
            // Gaps do not overlap: all that follow lie higher.
            break;
        }
        gone += last.min(part.to) - (first - 1).max(part.after);
    }
    Ok(gone)
}
