//! Which part of a stream a reader sees.

use rusqlite::{Connection, params};
use tidings_engine::ports::Reader;
use tidings_wire::{ConversationKey, Seq, UserId};

use crate::ids::SqlId;

/// Seqs in (after, to], never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) after: Seq,
    pub(crate) to: Seq,
}

impl Interval {
    /// The part of it above `after` and below `before`, if there is one.
    pub(crate) fn within(self, after: Option<Seq>, before: Option<Seq>) -> Option<Self> {
        let after = after.map_or(self.after, |after| after.max(self.after));
        let to = before.map_or(self.to, |before| before.saturating_sub(1).min(self.to));
        (after < to).then_some(Self { after, to })
    }

    /// How many seqs it has.
    pub(crate) fn len(self) -> u64 {
        self.to - self.after
    }
}

/// What the reader sees of a stream, ascending; nothing where it may not see it.
pub(crate) fn intervals(
    connection: &Connection,
    (key, conversation, head): (ConversationKey, i64, Seq),
    reader: Reader,
) -> rusqlite::Result<Vec<Interval>> {
    let whole = Interval { after: 0, to: head }.within(None, None);
    match (reader, key) {
        (Reader::Service, _) => Ok(whole.into_iter().collect()),
        (Reader::User(user), ConversationKey::Dm(low, high)) => {
            Ok(whole.into_iter().filter(|_| user == low || user == high).collect())
        }
        (Reader::User(user), ConversationKey::Group(_)) => memberships(connection, conversation, head, user),
    }
}

fn memberships(connection: &Connection, conversation: i64, head: Seq, user: UserId) -> rusqlite::Result<Vec<Interval>> {
    let sql = "SELECT joined_seq, left_seq FROM members WHERE conversation = ?1 AND user = ?2 ORDER BY joined_seq";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![conversation, SqlId::from(user)], |row| {
        Ok(Interval { after: row.get(0)?, to: row.get::<_, Option<Seq>>(1)?.unwrap_or(head) })
    })?;
    let mut intervals = Vec::new();
    for interval in rows {
        intervals.extend(interval?.within(None, None));
    }
    Ok(intervals)
}
