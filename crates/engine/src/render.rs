//! What is stored, as readers get it: over HTTP, in replays and in pages of history.

use std::io::Write;

use serde_json::value::RawValue;
use tidings_wire::{ConversationKey, Key, Seq, Stamp, UserId, write_message};

use crate::{
    ports::{ConversationSummary, Event, Line, StoredMessage},
    registry::{Registry, TypeEntry},
};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Who reads: sees the keys of their own messages.
    pub(crate) reader: Option<UserId>,
    /// Whether `from` is repeated as `user_id`.
    pub(crate) user_id: bool,
    /// Whether it is sent again: `"replayed":true`.
    pub(crate) replayed: bool,
}

/// One line of a page, a JSON object. What its type can't read any more is a skip: the log says so.
pub(crate) fn line(registry: &Registry, conversation: ConversationKey, line: &Line, style: Style) -> Vec<u8> {
    match line {
        Line::Skip { from, to } => skip(conversation, *from, *to),
        Line::Message(message) => {
            let written = match message.event {
                None => stored(registry, message, style),
                Some(Event::Edited(of)) => body_of(registry, message)
                    .map(|body| event("edited", Changed { of, body: Some(&body), ..Changed::new(message) }, style)),
                Some(Event::Deleted(of)) => Some(event("deleted", Changed { of, ..Changed::new(message) }, style)),
            };
            written.unwrap_or_else(|| skip(conversation, message.seq, message.seq))
        }
    }
}

/// The same as raw JSON.
pub(crate) fn raw(registry: &Registry, conversation: ConversationKey, of: &Line, style: Style) -> Box<RawValue> {
    let json = String::from_utf8(line(registry, conversation, of, style)).ok();
    let raw = json.and_then(|json| RawValue::from_string(json).ok());
    raw.unwrap_or_else(|| {
        tracing::error!(%conversation, seq = of.last(), "a stored body is no JSON");
        let skip = String::from_utf8(skip(conversation, of.last(), of.last())).expect("it is written as text");
        RawValue::from_string(skip).expect("a conversation's name needs no escapes")
    })
}

/// There is nothing to show from one seq to the other, both included.
pub(crate) fn skip(conversation: ConversationKey, from: Seq, to: Seq) -> Vec<u8> {
    format!(r#"{{"type":"skip","conversation":"{conversation}","from":{from},"to":{to}}}"#).into_bytes()
}

/// A conversation as it stands in a user's list, a JSON object; its last message's content is cut at 200 characters.
pub(crate) fn summary(registry: &Registry, of: &ConversationSummary, style: Style) -> Box<RawValue> {
    #[derive(serde::Serialize)]
    struct Summary {
        conversation: ConversationKey,
        head: Seq,
        read: Seq,
        unread: u64,
        touched_at: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        muted_until: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<serde_json::Value>,
    }
    let ConversationSummary { conversation, head, read, unread, touched_at, muted_until, .. } = *of;
    let last = of.last.as_ref().and_then(|message| stored(registry, message, style)).map(|json| shortened(&json));
    let summary = Summary { conversation, head, read, unread, touched_at, muted_until, last };
    serde_json::value::to_raw_value(&summary).expect("strings and numbers always serialise")
}

/// The message with at most 200 characters of content: a list shows the beginning.
fn shortened(message: &[u8]) -> serde_json::Value {
    let mut message: serde_json::Value = serde_json::from_slice(message).unwrap_or_default();
    if let Some(serde_json::Value::String(content)) = message.get_mut("content")
        && let Some((end, _)) = content.char_indices().nth(200)
    {
        content.truncate(end);
    }
    message
}

/// Pages stop here, with at least one entry.
const PAGE_BYTES: usize = 96 * 1024;

/// Leaves out what is over the bytes of a page, from the front or from the end, and says whether it did.
pub fn cut_page(mut entries: Vec<Box<RawValue>>, from_front: bool) -> (Vec<Box<RawValue>>, bool) {
    let mut bytes = 0;
    let mut fits = |entry: &RawValue| {
        bytes += entry.get().len() + 1;
        bytes <= PAGE_BYTES
    };
    let all = entries.len();
    let fitting = match from_front {
        true => entries.iter().rev().take_while(|entry| fits(entry)).count(),
        false => entries.iter().take_while(|entry| fits(entry)).count(),
    };
    let kept = fitting.max(1).min(all);
    if from_front {
        entries.drain(..all - kept);
    } else {
        entries.truncate(kept);
    }
    (entries, kept < all)
}

/// What an event says.
pub(crate) struct Changed<'a> {
    pub(crate) conversation: ConversationKey,
    pub(crate) seq: Seq,
    pub(crate) of: Seq,
    pub(crate) id: tidings_wire::MessageId,
    pub(crate) from: Option<UserId>,
    /// Unix seconds.
    pub(crate) timestamp: i64,
    /// The new body, a JSON object.
    pub(crate) body: Option<&'a [u8]>,
}

impl Changed<'_> {
    fn new(message: &StoredMessage) -> Self {
        Self {
            conversation: message.conversation,
            seq: message.seq,
            of: 0,
            id: message.id,
            from: message.sender,
            timestamp: message.created_at_ms.div_euclid(1_000),
            body: None,
        }
    }
}

/// `{"type":"edited", …}` or `{"type":"deleted", …}`.
pub(crate) fn event(kind: &str, changed: Changed<'_>, style: Style) -> Vec<u8> {
    let Changed { conversation, seq, of, id, from, timestamp, body } = changed;
    let mut json = Vec::with_capacity(body.map_or(0, <[u8]>::len) + 192);
    let mut put = |text: std::fmt::Arguments<'_>| json.write_fmt(text).expect("memory takes what is written");
    put(format_args!(r#"{{"type":"{kind}","conversation":"{conversation}","seq":{seq},"of":{of}"#));
    if let Some(body) = body {
        put(format_args!(r#","body":{}"#, String::from_utf8_lossy(body)));
    }
    if let Some(from) = from {
        put(format_args!(r#","from":{}"#, Json(&from)));
        if style.user_id {
            put(format_args!(r#","user_id":{}"#, Json(&from)));
        }
    }
    put(format_args!(r#","timestamp":{timestamp},"id":"{id}""#));
    if style.replayed {
        put(format_args!(r#","replayed":true"#));
    }
    put(format_args!("}}"));
    json
}

/// A value as JSON.
pub(crate) struct Json<'a, T>(pub(crate) &'a T);

impl<T: serde::Serialize> std::fmt::Display for Json<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| std::fmt::Error)?)
    }
}

/// The message with its stamp; with its key for its sender.
fn stored(registry: &Registry, message: &StoredMessage, style: Style) -> Option<Vec<u8>> {
    let body = if message.deleted_at_ms.is_some() { b"{}".to_vec() } else { body_of(registry, message)? };
    let own = style.reader.is_some() && style.reader == message.sender;
    let stamp = Stamp {
        id: message.id,
        from: message.sender,
        timestamp: message.created_at_ms.div_euclid(1_000),
        place: Some((message.conversation, message.seq)),
        key: message.key.as_ref().filter(|key: &&Key| own && !key.is_of_service()),
        user_id: style.user_id,
    };
    let mut json = Vec::with_capacity(body.len() + 192);
    write_message(&mut json, &message.kind, &body, &stamp);
    let ended = json.pop();
    debug_assert_eq!(ended, Some(b'}'), "a message is an object");
    let mut put = |text: std::fmt::Arguments<'_>| json.write_fmt(text).expect("memory takes what is written");
    for (name, at_ms) in [("edited_at", message.edited_at_ms), ("deleted_at", message.deleted_at_ms)] {
        if let Some(at_ms) = at_ms {
            put(format_args!(r#","{name}":{}"#, at_ms.div_euclid(1_000)));
        }
    }
    if style.replayed {
        put(format_args!(r#","replayed":true"#));
    }
    put(format_args!("}}"));
    Some(json)
}

/// The body in today's form. A type that is registered no more is shown as it was stored.
fn body_of(registry: &Registry, message: &StoredMessage) -> Option<Vec<u8>> {
    match registry.get(&message.kind) {
        Some(entry) if entry.version != message.version => upgraded(entry, message),
        _ => Some(message.body.to_vec()),
    }
}

fn upgraded(entry: &TypeEntry, message: &StoredMessage) -> Option<Vec<u8>> {
    let read = serde_json::from_slice(&message.body).map_err(|error| error.to_string());
    // The type's own code runs here, on whatever thread reads: a panic costs this line alone.
    let upgrade = |body| {
        let run = std::panic::AssertUnwindSafe(|| entry.receive.upgrade(message.version, body));
        std::panic::catch_unwind(run).map_err(|_| "it panicked".to_owned())?.map_err(|error| error.to_string())
    };
    let upgraded = read.and_then(upgrade);
    match upgraded.and_then(|body| serde_json::to_vec(&body).map_err(|error| error.to_string())) {
        Ok(body) => Some(body),
        Err(error) => {
            tracing::error!(id = %message.id, kind = entry.name, version = message.version, error, "a stored body can't be read");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(sizes: &[usize]) -> Vec<Box<RawValue>> {
        sizes.iter().map(|size| RawValue::from_string(format!("\"{}\"", "x".repeat(*size))).unwrap()).collect()
    }

    fn sizes(entries: &[Box<RawValue>]) -> Vec<usize> {
        entries.iter().map(|entry| entry.get().len() - 2).collect()
    }

    #[test]
    fn a_page_is_cut_at_its_far_end_and_never_empty() {
        let half = PAGE_BYTES / 2;
        let (kept, cut) = cut_page(entries(&[1, half, half, 2]), true);
        assert_eq!((sizes(&kept), cut), (vec![half, 2], true));
        let (kept, cut) = cut_page(entries(&[1, half, half, 2]), false);
        assert_eq!((sizes(&kept), cut), (vec![1, half], true));
        let (kept, cut) = cut_page(entries(&[PAGE_BYTES, 1]), false);
        assert_eq!((sizes(&kept), cut), (vec![PAGE_BYTES], true));
        let (kept, cut) = cut_page(entries(&[]), true);
        assert_eq!((sizes(&kept), cut), (vec![], false));
    }
}
