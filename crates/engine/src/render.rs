//! Stored messages as readers get them over HTTP.

use serde_json::value::RawValue;
use tidings_wire::{Stamp, UserId, write_message};

use crate::{ports::StoredMessage, registry::Registry};

/// The message with its stamp; with its key for its sender. None where its type can't read it any more: the log says so.
pub(crate) fn stored(registry: &Registry, message: &StoredMessage, reader: Option<UserId>) -> Option<Box<RawValue>> {
    let body = match registry.get(&message.kind) {
        Some(entry) if entry.version != message.version => upgraded(entry, message)?,
        // A type that is registered no more is shown as it was stored.
        _ => message.body.to_vec(),
    };
    let stamp = Stamp {
        id: message.id,
        from: message.sender,
        timestamp: message.created_at_ms.div_euclid(1_000),
        place: Some((message.conversation, message.seq)),
        key: message.key.as_ref().filter(|key| reader.is_some() && reader == message.sender && !key.is_of_service()),
        user_id: true,
    };
    let mut json = Vec::with_capacity(body.len() + 192);
    write_message(&mut json, &message.kind, &body, &stamp);
    let text = String::from_utf8(json).ok()?;
    RawValue::from_string(text)
        .inspect_err(|error| tracing::error!(id = %message.id, %error, "a stored body is no JSON"))
        .ok()
}

fn upgraded(entry: &crate::registry::TypeEntry, message: &StoredMessage) -> Option<Vec<u8>> {
    let read = serde_json::from_slice(&message.body).map_err(|error| error.to_string());
    let upgraded =
        read.and_then(|body| entry.receive.upgrade(message.version, body).map_err(|error| error.to_string()));
    match upgraded.and_then(|body| serde_json::to_vec(&body).map_err(|error| error.to_string())) {
        Ok(body) => Some(body),
        Err(error) => {
            tracing::error!(id = %message.id, kind = entry.name, version = message.version, error, "a stored body can't be read");
            None
        }
    }
}
