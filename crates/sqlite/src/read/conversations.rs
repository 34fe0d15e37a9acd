//! A user's conversations, latest touched first.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidings_engine::ports::{Before, ConversationPage, ConversationSummary, Reader};
use tidings_wire::{ConversationKey, Seq, UserId};

use super::{
    history,
    unread::unread,
    visible::{Visible, visible},
};
use crate::{ids::SqlId, members::Stream, readers::ReadError, row};

/// One line for each conversation: its latest membership, and where it stands in the list. One that was left stands where it
/// stood then, and so does a dm while what comes there is withheld: what goes on there doesn't show.
const LISTED: &str = "SELECT c.id AS id, c.key AS key, c.last_seq AS last_seq, c.withheld AS withheld, \
    m.read_seq AS read_seq, m.muted_until AS muted, \
    CASE WHEN m.left_seq IS NOT NULL THEN m.left_commit WHEN m.quiet_seq = c.last_seq THEN m.quiet_commit \
    ELSE c.last_commit END AS place, \
    CASE WHEN m.left_seq IS NOT NULL THEN m.left_at WHEN m.quiet_seq = c.last_seq THEN m.quiet_at \
    ELSE c.touched_at END AS touched \
    FROM members m JOIN conversations c ON c.id = m.conversation \
    WHERE m.user = ?1 AND NOT EXISTS (SELECT 1 FROM members n WHERE n.conversation = m.conversation \
    AND n.user = m.user AND n.joined_seq > m.joined_seq)";

/// A page of the list.
pub(crate) fn conversations(
    connection: &Connection,
    of: UserId,
    before: Option<Before>,
    limit: u32,
) -> Result<ConversationPage, ReadError> {
    let (condition, start) = match before {
        None => ("1", Start { place: 0, id: 0, touched: 0 }),
        Some(Before::Touched(at)) => ("touched < ?4", Start { place: 0, id: 0, touched: at }),
        Some(Before::Conversation(key)) => {
            let Some(start) = place(connection, of, key)? else {
                return Ok(ConversationPage { conversations: Vec::new(), more: false });
            };
            ("(place, id) < (?2, ?3)", start)
        }
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM ({LISTED}) \
         WHERE {condition} ORDER BY place DESC, id DESC LIMIT ?5"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let one_more = limit.saturating_add(1);
    let rows = statement
        .query_map(params![SqlId::from(of), start.place, start.id, start.touched, one_more], Listed::read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = rows.len() > limit as usize;
    let summaries = rows.into_iter().take(limit as usize).map(|listed| listed.summary(connection, of));
    Ok(ConversationPage { conversations: summaries.collect::<Result<_, _>>()?, more })
}

/// One line of the list.
pub(crate) fn conversation(
    connection: &Connection,
    of: UserId,
    key: ConversationKey,
) -> Result<Option<ConversationSummary>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM ({LISTED}) WHERE key = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let listed = statement.query_row(params![SqlId::from(of), key.to_string()], Listed::read).optional()?;
    listed.map(|listed| listed.summary(connection, of)).transpose()
}

/// Where a conversation stands in the user's list.
struct Start {
    place: i64,
    id: i64,
    touched: i64,
}

fn place(connection: &Connection, of: UserId, key: ConversationKey) -> rusqlite::Result<Option<Start>> {
    let sql = format!("SELECT place, id, touched FROM ({LISTED}) WHERE key = ?2");
    connection
        .prepare_cached(&sql)?
        .query_row(params![SqlId::from(of), key.to_string()], |row| {
            Ok(Start { place: row.get(0)?, id: row.get(1)?, touched: row.get(2)? })
        })
        .optional()
}

const COLUMNS: &str = "id, key, last_seq, withheld, read_seq, touched, muted";

struct Listed {
    stream: Stream,
    read_seq: Seq,
    touched: i64,
    muted: Option<i64>,
}

impl Listed {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            stream: Stream {
                id: row.get(0)?,
                key: row::conversation(row, 1)?,
                head: row.get(2)?,
                withheld: row.get(3)?,
            },
            read_seq: row.get(4)?,
            touched: row.get(5)?,
            muted: row.get(6)?,
        })
    }

    fn summary(self, connection: &Connection, user: UserId) -> Result<ConversationSummary, ReadError> {
        let Self { stream, read_seq, touched, muted } = self;
        let Stream { key, id, .. } = stream;
        let Visible { parts, head } = visible(connection, stream, Reader::User(user))?;
        let unread = unread(connection, id, &parts, read_seq)?;
        let last = history::last(connection, key, id, &parts)?;
        let (read, touched_at, muted_until) = (read_seq, touched, muted);
        Ok(ConversationSummary { conversation: key, head, read, unread, touched_at, muted_until, last })
    }
}
