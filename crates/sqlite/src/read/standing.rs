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
use crate::{members, readers::ReadError};

/// One standing for each stream; none for one that the user was never in.
pub(crate) fn standings(
    connection: &Connection,
    of: UserId,
    streams: &[ConversationKey],
) -> Result<Vec<Option<Standing>>, ReadError> {
    streams.iter().map(|&stream| Ok(standing(connection, of, stream)?)).collect()
}

pub(super) const STREAM: &str = "SELECT id, last_seq, last_commit FROM conversations WHERE key = ?1";

fn standing(connection: &Connection, of: UserId, key: ConversationKey) -> rusqlite::Result<Option<Standing>> {
    let stream: Option<(i64, u64, u64)> = connection
        .prepare_cached(STREAM)?
        .query_row([key.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((conversation, last_seq, last_commit)) = stream else { return Ok(None) };
    let Some(seat) = members::seat(connection, conversation, of)? else { return Ok(None) };
    let Visible { parts, head } = visible(connection, (key, conversation, last_seq), Reader::User(of))?;
    let oldest = history::oldest(connection, key, conversation, &parts)?.unwrap_or(head + 1);
    let touched = if seat.is_current() { last_commit } else { seat.left_commit.unwrap_or_default() };
    Ok(Some(Standing { oldest, head, touched: CommitNumber(touched) }))
}
