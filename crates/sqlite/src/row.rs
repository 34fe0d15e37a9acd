//! How columns read as what they mean.

use bytes::Bytes;
use rusqlite::{
    Result, Row,
    types::{FromSqlError, Type},
};
use tidings_engine::ports::StoredMessage;
use tidings_wire::{ConversationKey, Key, MessageId};

use crate::ids::SqlId;

/// The columns that [`message`] reads, of `messages m` and `conversations c`.
pub(crate) const MESSAGE: &str = "m.seq, m.id, m.type, m.version, m.sender, m.key, m.body, m.created_at";

/// A message of which the conversation is known.
pub(crate) fn message(row: &Row<'_>, conversation: ConversationKey) -> Result<StoredMessage> {
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
        edited_at_ms: None,
        deleted_at_ms: None,
        event: None,
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
