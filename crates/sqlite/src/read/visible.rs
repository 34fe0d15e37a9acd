//! Which part of a stream a reader sees.

use rusqlite::{Connection, params};
use tidings_engine::ports::Reader;
use tidings_wire::{ConversationKey, Seq, UserId};

use crate::{
    ids::SqlId,
    members::Stream,
    withheld::{self, Withheld},
};

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

    /// The part of it that is this seq alone, if it has that.
    fn only(self, seq: Seq) -> Option<Self> {
        self.within(seq.checked_sub(1), seq.checked_add(1)).filter(|_| seq > 0)
    }

    /// How many seqs it has.
    pub(crate) fn len(self) -> u64 {
        self.to - self.after
    }
}

/// What a reader sees of a stream.
pub(crate) struct Visible {
    /// Ascending; nothing where the reader may not see the stream, or nothing has come since.
    pub(crate) parts: Vec<Interval>,
    /// Up to here all that there is to see has come: the stream's head, or the one at which the reader left.
    pub(crate) head: Seq,
}

impl Visible {
    /// The part that is this seq alone, if it is seen.
    pub(crate) fn only(&self, seq: Seq) -> Option<Interval> {
        self.parts.iter().find_map(|part| part.only(seq))
    }
}

/// What the reader sees of a stream.
pub(crate) fn visible(connection: &Connection, stream: Stream, reader: Reader) -> rusqlite::Result<Visible> {
    let Stream { key, id, head, withheld } = stream;
    let whole = Interval { after: 0, to: head };
    let parts = match (reader, key) {
        (Reader::User(user), ConversationKey::Group(_)) => return memberships(connection, id, head, user),
        (Reader::User(user), ConversationKey::Dm(low, high)) if user != low && user != high => Vec::new(),
        (Reader::User(user), _) if withheld != Withheld::Nothing => {
            without(whole, &withheld::runs(connection, id, user)?)
        }
        _ => whole.within(None, None).into_iter().collect(),
    };
    Ok(Visible { parts, head })
}

/// What lies around these runs, which are in order and do not touch.
fn without(whole: Interval, runs: &[(Seq, Seq)]) -> Vec<Interval> {
    let mut after = whole.after;
    let mut parts = Vec::new();
    for &(first, last) in runs {
        parts.extend(Interval { after, to: first - 1 }.within(None, None));
        after = last;
    }
    parts.extend(Interval { after, to: whole.to }.within(None, None));
    parts
}

pub(super) const MEMBERSHIPS: &str =
    "SELECT joined_seq, left_seq FROM members WHERE conversation = ?1 AND user = ?2 ORDER BY joined_seq";

fn memberships(connection: &Connection, conversation: i64, head: Seq, user: UserId) -> rusqlite::Result<Visible> {
    let mut statement = connection.prepare_cached(MEMBERSHIPS)?;
    let rows = statement.query_map(params![conversation, SqlId::from(user)], |row| {
        Ok(Interval { after: row.get(0)?, to: row.get::<_, Option<Seq>>(1)?.unwrap_or(head) })
    })?;
    let mut visible = Visible { parts: Vec::new(), head: 0 };
    for interval in rows {
        let interval = interval?;
        visible.head = interval.to;
        visible.parts.extend(interval.within(None, None));
    }
    Ok(visible)
}
