//! How columns read as what they mean.

use bytes::Bytes;
use rusqlite::{
    Result, Row,
    types::{FromSqlError, Type},
};
use tidings_engine::ports::{Event, StoredMessage};
use tidings_wire::{ConversationKey, Key, MessageId, Seq};

use crate::ids::SqlId;

/// The columns that [`message`] reads, of [`TABLES`]; those of the message that an event is about stand at the end.
pub(crate) const MESSAGE: &str = "m.seq, m.id, m.type, coalesce(t.version, m.version), m.sender, m.key, \
    coalesce(t.body, m.body), m.created_at, m.edited_at, m.deleted_at, m.\"of\"";

/// How many columns that is: where others begin.
pub(crate) const MESSAGE_COLUMNS: usize = 11;

/// Messages, and what those that are events are about.
pub(crate) const TABLES: &str =
    "messages m LEFT JOIN messages t ON t.conversation = m.conversation AND t.seq = m.\"of\"";

/// An edit of what is deleted or gone by now: nobody is shown it.
pub(crate) const HIDDEN: &str =
    "(m.\"of\" IS NOT NULL AND m.deleted_at IS NULL AND (t.seq IS NULL OR t.deleted_at IS NOT NULL))";

/// A message of which the conversation is known.
pub(crate) fn message(row: &Row<'_>, conversation: ConversationKey) -> Result<StoredMessage> {
    let [edited_at_ms, deleted_at_ms]: [Option<i64>; 2] = [row.get(8)?, row.get(9)?];
    let of: Option<Seq> = row.get(10)?;
    let event = of.map(|of| if deleted_at_ms.is_some() { Event::Deleted(of) } else { Event::Edited(of) });
    Ok(StoredMessage {
        conversation,
        seq: row.get(0)?,
        id: message_id(row, 1)?,
        kind: row.get::<_, String>(2)?.into(),
        version: row.get(3)?,
        sender: row.get::<_, Option<SqlId>>(4)?.map(|id| id.0.into()),
        key: key(row, 5)?,
        body: Bytes::copy_from_slice(row.get_ref(6)?.as_bytes().map_err(|error| unread(6, error))?),
        created_at_ms: row.get(7)?,
        edited_at_ms: edited_at_ms.filter(|_| event.is_none()),
        deleted_at_ms: deleted_at_ms.filter(|_| event.is_none()),
        event,
        withheld: None,
    })
}

/// A message's id.
pub(crate) fn message_id(row: &Row<'_>, column: usize) -> Result<MessageId> {
    MessageId::from_stored(row.get(column)?).map_err(|error| unread(column, error))
}

/// A conversation's name.
pub(crate) fn conversation(row: &Row<'_>, column: usize) -> Result<ConversationKey> {
    let text = row.get_ref(column)?.as_str().map_err(|error| unread(column, error))?;
    text.parse().map_err(|error| unread(column, error))
}

fn key(row: &Row<'_>, column: usize) -> Result<Option<Key>> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(|error| unread(column, error))?;
    Ok(text.map(Key::from_stored))
}

fn unread(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    let error: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
    match error.downcast::<FromSqlError>() {
        Ok(error) => rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error),
        Err(error) => rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error),
    }
}
