//! Where streams stand for a user.

use rusqlite::{Connection, OptionalExtension};
use tidings_engine::{
    act::CommitNumber,
    ports::{Reader, Standing},
};
use tidings_wire::{ConversationKey, UserId};

use super::{
    history,
    visible::{Visible, visible},
};
use crate::{
    members::{self, Stream},
    readers::ReadError,
};

/// One standing for each stream; none for one that the user was never in.
pub(crate) fn standings(
    connection: &Connection,
    of: UserId,
    streams: &[ConversationKey],
) -> Result<Vec<Option<Standing>>, ReadError> {
    streams.iter().map(|&stream| Ok(standing(connection, of, stream)?)).collect()
}

pub(super) const STREAM: &str = "SELECT id, last_seq, withheld, last_commit FROM conversations WHERE key = ?1";

fn standing(connection: &Connection, of: UserId, key: ConversationKey) -> rusqlite::Result<Option<Standing>> {
    let found: Option<(Stream, u64)> = connection
        .prepare_cached(STREAM)?
        .query_row([key.to_string()], |row| {
            Ok((Stream { key, id: row.get(0)?, head: row.get(1)?, withheld: row.get(2)? }, row.get(3)?))
        })
        .optional()?;
    let Some((stream, last_commit)) = found else { return Ok(None) };
    let Some(seat) = members::seat(connection, stream.id, of)? else { return Ok(None) };
    let Visible { parts, head } = visible(connection, stream, Reader::User(of))?;
    let oldest = history::oldest(connection, key, stream.id, &parts)?.unwrap_or(head + 1);
    let touched = seat.touched(stream.head, last_commit);
    Ok(Some(Standing { oldest, head, touched: CommitNumber(touched) }))
}
