//! A page of a conversation, as one reader sees it.

use rusqlite::{Connection, params};
use tidings_engine::ports::{HistoryPage, Line, Page, Reader, StoredMessage};
use tidings_wire::{ConversationKey, Seq};

use super::visible::{Interval, intervals};
use crate::{members, readers::ReadError, row};

/// A page of a conversation; none where the reader sees nothing of it.
pub(crate) fn history(
    connection: &Connection,
    of: ConversationKey,
    reader: Reader,
    page: Page,
) -> Result<Option<HistoryPage>, ReadError> {
    let Some((conversation, head)) = members::head(connection, of)? else { return Ok(None) };
    let visible = intervals(connection, (of, conversation, head), reader)?;
    let (Some(first), Some(last)) = (visible.first(), visible.last()) else { return Ok(None) };
    let oldest = oldest(connection, conversation, *first)?;
    let asked: Vec<_> = visible.iter().filter_map(|part| part.within(page.after, page.before)).collect();
    let limit = page.limit as usize;
    let one_more = limit.saturating_add(1);
    let mut messages = Vec::new();
    let stream = Stream { connection, key: of, conversation };
    if page.after.is_some() {
        for part in asked {
            stream.read(ASCENDING, part, one_more, &mut messages)?;
        }
    } else {
        for part in asked.into_iter().rev() {
            stream.read(DESCENDING, part, one_more, &mut messages)?;
        }
    }
    let more = messages.len() > limit;
    messages.truncate(limit);
    if page.after.is_none() {
        messages.reverse();
    }
    Ok(Some(HistoryPage { lines: messages.into_iter().map(Line::Message).collect(), oldest, head: last.to, more }))
}

/// The last message of an interval.
pub(super) fn last(
    connection: &Connection,
    key: ConversationKey,
    conversation: i64,
    of: Interval,
) -> rusqlite::Result<Option<StoredMessage>> {
    let mut found = Vec::new();
    Stream { connection, key, conversation }.read(DESCENDING, of, 1, &mut found)?;
    Ok(found.pop())
}

const ASCENDING: &str = "ASC";
const DESCENDING: &str = "DESC";

struct Stream<'a> {
    connection: &'a Connection,
    key: ConversationKey,
    conversation: i64,
}

impl Stream<'_> {
    /// Reads on until `messages` has `most`.
    fn read(
        &self,
        direction: &str,
        part: Interval,
        most: usize,
        messages: &mut Vec<StoredMessage>,
    ) -> rusqlite::Result<()> {
        let room = most.saturating_sub(messages.len());
        if room == 0 {
            return Ok(());
        }
        let sql = format!(
            "SELECT {} FROM messages m WHERE m.conversation = ?1 AND m.seq > ?2 AND m.seq <= ?3 \
             ORDER BY m.seq {direction} LIMIT ?4",
            row::MESSAGE
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement
            .query_map(params![self.conversation, part.after, part.to, room], |row| row::message(row, self.key))?;
        for message in rows {
            messages.push(message?);
        }
        Ok(())
    }
}

/// The lowest seq that is stored and visible.
fn oldest(connection: &Connection, conversation: i64, first: Interval) -> rusqlite::Result<Seq> {
    let sql = "SELECT min(seq) FROM messages WHERE conversation = ?1 AND seq > ?2";
    let stored: Option<Seq> =
        connection.prepare_cached(sql)?.query_row(params![conversation, first.after], |row| row.get(0))?;
    Ok(stored.unwrap_or(first.after + 1))
}
