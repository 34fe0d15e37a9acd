//! The head that every frame from a client has, and the stamp that the server puts on what it sends.

use std::{borrow::Cow, fmt, io::Write, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{ConversationKey, MessageId, Seq, UserId};

/// Names that the server owns in every message. A type whose schema uses one is refused when the server is built.
pub const ENVELOPE_FIELDS: &[&str] = &[
    "id",
    "type",
    "from",
    "user_id",
    "timestamp",
    "conversation",
    "seq",
    "ref",
    "key",
    "of",
    "replayed",
    "duplicate",
    "audience",
    "edited_at",
    "deleted_at",
];

/// The type's name, where the frame begins with it and it is written without escapes, as almost all are: enough to know
/// which type is to read the frame, without reading it twice. None says nothing: then [`Head`] is read.
///
/// ```
/// use tidings_wire::first_type;
///
/// assert_eq!(first_type(r#" {"type": "poke","to":2}"#), Some("poke"));
/// assert_eq!(first_type(r#"{"to":2,"type":"poke"}"#), None);
/// ```
#[must_use]
pub fn first_type(json: &str) -> Option<&str> {
    let json = json.strip_prefix('{').or_else(|| json.trim_ascii_start().strip_prefix('{'))?;
    let rest = json.trim_ascii_start().strip_prefix("\"type\"")?.trim_ascii_start().strip_prefix(':')?;
    let text = rest.trim_ascii_start().strip_prefix('"')?;
    let end = text.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    (text.as_bytes()[end] == b'"').then(|| &text[..end])
}

/// What is read of a frame before its type is known. All other fields are left to the type.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// The type's name.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// Comes back in the answer.
    #[serde(default, rename = "ref")]
    pub reference: Option<i64>,
    /// Makes a kept send idempotent.
    #[serde(default, borrow)]
    pub key: Option<Cow<'a, str>>,
}

/// The name that a sender gives a kept message, so that a repeat is stored once: 1 to 64 bytes without control characters. A
/// service that acts for a user has names of its own ([`Key::of_service`]), which the user can neither take nor see.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

/// The text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to 64 bytes and no control characters")]
pub struct KeyError;

impl Key {
    /// The text, as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of a stored text.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The key that a service gave: another one than the same text of any other sender.
    #[must_use]
    pub fn of_service(&self, service: &str) -> Self {
        Self(format!("{service}{SERVICE}{}", self.0).into())
    }

    /// Whether a service gave it. Then it is nobody else's to see.
    pub fn is_of_service(&self) -> bool {
        self.0.contains(SERVICE)
    }
}

/// Stands between a service's name and its key: a control character (US, unit separator), which no sender's text has.
const SERVICE: char = '\u{1f}';

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let fits = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into())).ok_or(KeyError)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the server says of a message beside its own fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// The message's id.
    pub id: MessageId,
    /// Who sent it; none where a service pushes for nobody.
    pub from: Option<UserId>,
    /// Unix seconds.
    pub timestamp: i64,
    /// The stream and the place in it, of kept ones.
    pub place: Option<(ConversationKey, Seq)>,
    /// The sender's key: for the sender's own connections.
    pub key: Option<&'a Key>,
    /// Whether `from` is repeated as `user_id`, as the guide's clients want it.
    pub user_id: bool,
}

/// Writes a message: `{"type":…, …the type's fields…, …the stamp…}`. `fields` is the JSON object that the type's own
/// serialisation gave, without any name of the envelope.
///
/// ```
/// use tidings_wire::{MessageId, Stamp, UserId, write_message};
///
/// let id = MessageId::from_stored(9)?;
/// let stamp = Stamp { id, from: Some(UserId::new(7)), timestamp: 1_700_000_000, place: None, key: None, user_id: true };
/// let mut out = Vec::new();
/// write_message(&mut out, "poke", br#"{"to":2}"#, &stamp);
/// assert_eq!(out, br#"{"type":"poke","to":2,"from":7,"user_id":7,"timestamp":1700000000,"id":"9"}"#);
/// # Ok::<(), tidings_wire::MessageIdError>(())
/// ```
///
/// # Panics
/// Where `out` fails: it is memory.
pub fn write_message(out: &mut impl Write, kind: &str, fields: &[u8], stamp: &Stamp<'_>) {
    write_fields(out, kind, inner_fields(fields));
    write_stamp(out, stamp);
}

const MEMORY: &str = "writing to memory does not fail";

/// What stands between the braces of a JSON object: empty where nothing does.
#[must_use]
pub fn inner_fields(object: &[u8]) -> &[u8] {
    let inner = object.trim_ascii().strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    inner.unwrap_or_default().trim_ascii()
}

/// The first part of [`write_message`]: all that stands before the stamp. `inner` is a JSON object without its braces
/// ([`inner_fields`]).
///
/// # Panics
/// Where `out` fails: it is memory.
pub fn write_fields(out: &mut impl Write, kind: &str, inner: &[u8]) {
    out.write_all(b"{\"type\":\"").expect(MEMORY);
    out.write_all(kind.as_bytes()).expect(MEMORY);
    out.write_all(b"\"").expect(MEMORY);
    if !inner.is_empty() {
        out.write_all(b",").expect(MEMORY);
        out.write_all(inner).expect(MEMORY);
    }
}

/// The last part of [`write_message`]: the stamp, and the brace that ends the object.
///
/// # Panics
/// Where `out` fails: it is memory.
pub fn write_stamp(out: &mut impl Write, stamp: &Stamp<'_>) {
    // Numbers are written by `itoa`: this is done for each message, and `write!` costs more than all the rest.
    let mut digits = itoa::Buffer::new();
    if let Some(from) = stamp.from {
        // Written once though it may stand there twice. The longest is a UUID between its quotes.
        let mut text = [0; 38];
        let mut left = &mut text[..];
        serde_json::to_writer(&mut left, &from).expect("an id has at most 38 bytes");
        let length = 38 - left.len();
        out.write_all(b",\"from\":").expect(MEMORY);
        out.write_all(&text[..length]).expect(MEMORY);
        if stamp.user_id {
            out.write_all(b",\"user_id\":").expect(MEMORY);
            out.write_all(&text[..length]).expect(MEMORY);
        }
    }
    out.write_all(b",\"timestamp\":").expect(MEMORY);
    out.write_all(digits.format(stamp.timestamp).as_bytes()).expect(MEMORY);
    out.write_all(b",\"id\":\"").expect(MEMORY);
    out.write_all(digits.format(stamp.id.get()).as_bytes()).expect(MEMORY);
    out.write_all(b"\"").expect(MEMORY);
    if let Some((conversation, seq)) = stamp.place {
        write!(out, ",\"conversation\":\"{conversation}\",\"seq\":").expect(MEMORY);
        out.write_all(digits.format(seq).as_bytes()).expect(MEMORY);
    }
    if let Some(key) = stamp.key {
        out.write_all(b",\"key\":").expect(MEMORY);
        serde_json::to_writer(&mut *out, key).expect(MEMORY);
    }
    out.write_all(b"}").expect(MEMORY);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fields: &str, stamp: &Stamp<'_>) -> String {
        let mut out = Vec::new();
        write_message(&mut out, "note", fields.as_bytes(), stamp);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_kept_message_says_where_it_stands() {
        let key = "a\"b".parse().unwrap();
        let stamp = Stamp {
            id: MessageId::from_stored(9).unwrap(),
            from: Some(UserId::new(2)),
            timestamp: 5,
            place: Some(("dm:2:7".parse().unwrap(), 45)),
            key: Some(&key),
            user_id: false,
        };
        let expected =
            r#"{"type":"note","a":1,"from":2,"timestamp":5,"id":"9","conversation":"dm:2:7","seq":45,"key":"a\"b"}"#;
        assert_eq!(written(r#"{"a":1}"#, &stamp), expected);
    }

    #[test]
    fn a_type_without_fields_is_still_json() {
        let stamp = Stamp {
            id: MessageId::from_stored(9).unwrap(),
            from: None,
            timestamp: 5,
            place: None,
            key: None,
            user_id: true,
        };
        assert_eq!(written("{}", &stamp), r#"{"type":"note","timestamp":5,"id":"9"}"#);
    }

    #[test]
    fn a_services_key_is_another_one_than_the_users() {
        let key: Key = "order-17".parse().unwrap();
        let service = key.of_service("app");
        assert!(
            service != key && service != key.of_service("other") && service.is_of_service() && !key.is_of_service()
        );
        assert_eq!(Key::from_stored(service.as_str()), service);
        assert_eq!(service.as_str().parse::<Key>(), Err(KeyError), "nobody can write it");
        assert_eq!("".parse::<Key>(), Err(KeyError));
        assert_eq!("k".repeat(65).parse::<Key>(), Err(KeyError));
    }

    #[test]
    fn a_head_is_read_past_any_fields() {
        let head: Head<'_> = serde_json::from_str(r#"{"x":{"type":"no"},"type":"private","ref":4,"key":"k"}"#).unwrap();
        assert_eq!((&*head.kind, head.reference, head.key.as_deref()), ("private", Some(4), Some("k")));
    }
}
