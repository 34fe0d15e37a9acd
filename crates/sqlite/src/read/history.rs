//! A page of a conversation, as one reader sees it.

use rusqlite::{Connection, params};
use tidings_engine::ports::{HistoryPage, Line, Page, Reader, StoredMessage};
use tidings_wire::{ConversationKey, Seq};

use super::visible::{Interval, Visible, visible};
use crate::{members, readers::ReadError, row};

/// Bytes of bodies at which a page stops, with at least one entry.
const PAGE_BYTES: usize = 96 * 1024;

/// A page of a conversation; none where the reader sees nothing of it.
pub(crate) fn history(
    connection: &Connection,
    of: ConversationKey,
    reader: Reader,
    page: Page,
) -> Result<Option<HistoryPage>, ReadError> {
    let Some(found) = members::stream(connection, of)? else { return Ok(None) };
    let Visible { parts, head } = visible(connection, found, reader)?;
    if parts.is_empty() {
        return Ok(None);
    }
    let stream = Stream { connection, key: of, conversation: found.id };
    let oldest = stream.oldest(&parts)?.unwrap_or(head + 1);
    let low = page.after.map_or(oldest, |after| oldest.max(after.saturating_add(1)));
    let high = page.before.map_or(head, |before| head.min(before.saturating_sub(1)));
    let direction = if page.after.is_some() { Direction::Onwards } else { Direction::Backwards };
    let mut lines = Lines::new(direction, low, high, page.limit as usize);
    stream.read(&parts, &mut lines)?;
    let (lines, more) = lines.end();
    Ok(Some(HistoryPage { lines, oldest, head, more }))
}

/// One message; none where it is an event, or the reader does not see it.
pub(crate) fn message(
    connection: &Connection,
    of: ConversationKey,
    seq: Seq,
    reader: Reader,
) -> Result<Option<StoredMessage>, ReadError> {
    let Some(found) = members::stream(connection, of)? else { return Ok(None) };
    let Some(part) = visible(connection, found, reader)?.only(seq) else { return Ok(None) };
    Ok(Stream { connection, key: of, conversation: found.id }.first(IS_MESSAGE, part)?)
}

/// The last message that is visible: no event, and not deleted.
pub(super) fn last(
    connection: &Connection,
    key: ConversationKey,
    conversation: i64,
    visible: &[Interval],
) -> rusqlite::Result<Option<StoredMessage>> {
    let stream = Stream { connection, key, conversation };
    for &part in visible.iter().rev() {
        if let Some(message) = stream.first(COUNTS, part)? {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

/// The lowest seq that is stored and visible.
pub(super) fn oldest(
    connection: &Connection,
    key: ConversationKey,
    conversation: i64,
    visible: &[Interval],
) -> rusqlite::Result<Option<Seq>> {
    Stream { connection, key, conversation }.oldest(visible)
}

/// No event.
pub(super) const IS_MESSAGE: &str = "m.\"of\" IS NULL";

/// No event, and not deleted.
pub(super) const COUNTS: &str = "m.\"of\" IS NULL AND m.deleted_at IS NULL";

pub(super) const OLDEST: &str = "SELECT min(seq) FROM messages WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3";

/// All rows of a part.
pub(super) fn part_sql(onwards: bool) -> String {
    format!(
        "SELECT {}, {} FROM {} WHERE m.conversation = ?1 AND m.seq > ?2 AND m.seq <= ?3 ORDER BY m.seq {}",
        row::MESSAGE,
        row::HIDDEN,
        row::TABLES,
        if onwards { "ASC" } else { "DESC" }
    )
}

/// The one with the highest seq in a part for which the condition holds.
pub(super) fn first_sql(condition: &str) -> String {
    format!(
        "SELECT {} FROM {} WHERE m.conversation = ?1 AND m.seq > ?2 AND m.seq <= ?3 AND {condition} \
         ORDER BY m.seq DESC LIMIT 1",
        row::MESSAGE,
        row::TABLES
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Onwards,
    Backwards,
}

struct Stream<'a> {
    connection: &'a Connection,
    key: ConversationKey,
    conversation: i64,
}

impl Stream<'_> {
    /// Reads until the page is full, or has come to its end.
    fn read(&self, visible: &[Interval], lines: &mut Lines) -> rusqlite::Result<()> {
        let asked = visible.iter().filter_map(|part| part.within(lines.low.checked_sub(1), lines.high.checked_add(1)));
        let mut asked: Vec<_> = asked.collect();
        if lines.direction == Direction::Backwards {
            asked.reverse();
        }
        for part in asked {
            self.part(part, lines)?;
            if lines.full {
                break;
            }
        }
        Ok(())
    }

    fn part(&self, part: Interval, lines: &mut Lines) -> rusqlite::Result<()> {
        let sql = part_sql(lines.direction == Direction::Onwards);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![self.conversation, part.after, part.to])?;
        while !lines.full
            && let Some(row) = rows.next()?
        {
            if row.get(row::MESSAGE_COLUMNS)? {
                lines.hidden(row.get(0)?);
            } else {
                lines.message(row::message(row, self.key)?);
            }
        }
        Ok(())
    }

    /// The one with the highest seq in a part for which the condition holds.
    fn first(&self, condition: &str, part: Interval) -> rusqlite::Result<Option<StoredMessage>> {
        let sql = first_sql(condition);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows =
            statement.query_map(params![self.conversation, part.after, part.to], |row| row::message(row, self.key))?;
        rows.next().transpose()
    }

    fn oldest(&self, visible: &[Interval]) -> rusqlite::Result<Option<Seq>> {
        let mut statement = self.connection.prepare_cached(OLDEST)?;
        for part in visible {
            let values = params![self.conversation, part.after, part.to];
            if let Some(oldest) = statement.query_row(values, |row| row.get(0))? {
                return Ok(Some(oldest));
            }
        }
        Ok(None)
    }
}

/// The lines of a page as they grow, from one end of what was asked for to the other.
struct Lines {
    direction: Direction,
    /// What the page is to cover, both included; nothing where `low` is above `high`.
    low: Seq,
    high: Seq,
    limit: usize,
    lines: Vec<Line>,
    /// Up to and with here, in its direction, all is covered.
    reached: Option<Seq>,
    bytes: usize,
    /// Rows that were looked at. Hidden ones count too, so that a page that has many of them ends early.
    rows: usize,
    full: bool,
}

impl Lines {
    fn new(direction: Direction, low: Seq, high: Seq, limit: usize) -> Self {
        let full = low > high || limit == 0;
        Self { direction, low, high, limit, lines: Vec::new(), reached: None, bytes: 0, rows: 0, full }
    }

    fn message(&mut self, message: StoredMessage) {
        let seq = message.seq;
        self.skip_to(seq);
        let bytes = self.bytes + message.body.len();
        if self.lines.len() >= self.limit || (bytes > PAGE_BYTES && !self.lines.is_empty()) {
            self.full = true;
            return;
        }
        self.bytes = bytes;
        self.lines.push(Line::Message(message));
        self.reached = Some(seq);
        self.looked_at_one();
    }

    /// A row that is there, and not shown.
    fn hidden(&mut self, seq: Seq) {
        self.skip_to(seq);
        self.skip(seq, seq);
        self.looked_at_one();
    }

    fn looked_at_one(&mut self) {
        self.rows += 1;
        self.full |= self.rows > self.limit.saturating_mul(4);
    }

    /// What lies before the row that was found has none.
    fn skip_to(&mut self, seq: Seq) {
        let (from, to) = match self.direction {
            Direction::Onwards => (self.reached.map_or(self.low, |reached| reached + 1), seq - 1),
            Direction::Backwards => (seq + 1, self.reached.map_or(self.high, |reached| reached - 1)),
        };
        self.skip(from, to);
    }

    fn skip(&mut self, from: Seq, to: Seq) {
        if from > to || self.full {
            return;
        }
        if let Some(Line::Skip { from: first, to: last }) = self.lines.last_mut() {
            // It ends where this begins.
            (*first, *last) = ((*first).min(from), (*last).max(to));
        } else if self.lines.len() < self.limit {
            self.lines.push(Line::Skip { from, to });
        } else {
            self.full = true;
            return;
        }
        self.reached = Some(if self.direction == Direction::Onwards { to } else { from });
    }

    /// The lines, ascending, and whether there is more.
    fn end(mut self) -> (Vec<Line>, bool) {
        if !self.full {
            // All rows were read: the rest has none.
            match self.direction {
                Direction::Onwards => self.skip_to(self.high + 1),
                Direction::Backwards => self.skip_to(self.low - 1),
            }
        }
        let more = match self.direction {
            Direction::Onwards => self.reached.map_or(self.low, |reached| reached + 1) <= self.high,
            Direction::Backwards => self.low < self.reached.unwrap_or(self.high + 1),
        };
        if self.direction == Direction::Backwards {
            self.lines.reverse();
        }
        (self.lines, more)
    }
}
