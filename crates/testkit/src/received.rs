//! What a client reads: a message with the server's stamp, or a refusal.

use std::ops::Deref;

use serde::Deserialize;
use serde_json::Value;
use tidings_wire::{Code, ConversationKey, Message, MessageId, Seq, UserId};

/// A message as it reached a client. Dereferences to the message itself.
#[derive(Clone, Debug)]
pub struct Received<M> {
    /// The type's own fields.
    pub message: M,
    /// The message's id.
    pub id: MessageId,
    /// Who sent it; none where a service pushed it for nobody.
    pub from: Option<UserId>,
    /// Unix seconds.
    pub timestamp: i64,
    /// The stream of a kept one.
    pub conversation: Option<ConversationKey>,
    /// Its place in the stream.
    pub seq: Option<Seq>,
    /// The whole frame.
    pub json: Value,
}

impl<M> Deref for Received<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.message
    }
}

/// An `error` frame.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// The sentence for people.
    pub message: String,
    /// The path of the wrong field.
    pub field: Option<String>,
    /// In how many milliseconds to try again.
    pub retry_after_ms: Option<u64>,
    /// The `ref` of what was refused.
    #[serde(rename = "ref")]
    pub reference: Option<i64>,
}

/// The server's part of a message.
#[derive(Deserialize)]
struct Stamp {
    r#type: String,
    id: MessageId,
    from: Option<UserId>,
    user_id: Option<UserId>,
    timestamp: i64,
    conversation: Option<ConversationKey>,
    seq: Option<Seq>,
}

/// The message in a frame of the guide's dialect.
///
/// # Panics
/// Where the frame is no message of this type, or its stamp is not as the protocol says.
pub(crate) fn message<M: Message>(text: &str) -> Received<M> {
    let kind = M::TYPE;
    let json: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"));
    let stamp: Stamp = serde_json::from_value(json.clone())
        .unwrap_or_else(|error| panic!("expected a message {kind:?}, got another frame ({error}): {text}"));
    assert_eq!(stamp.r#type, kind, "expected a message {kind:?}, got {text}");
    assert!(
        stamp.user_id.is_none() || stamp.user_id == stamp.from,
        "where `from` is repeated as `user_id`, it is the same: {text}"
    );
    let message = serde_json::from_str(text).unwrap_or_else(|error| panic!("not a {kind:?} ({error}): {text}"));
    let Stamp { id, from, timestamp, conversation, seq, .. } = stamp;
    Received { message, id, from, timestamp, conversation, seq, json }
}

/// The refusal in an `error` frame.
///
/// # Panics
/// Where the frame is another.
pub(crate) fn refusal(text: &str) -> Refusal {
    let json: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"));
    assert_eq!(json["type"], "error", "expected an error, got {text}");
    serde_json::from_value(json).unwrap_or_else(|error| panic!("no error frame ({error}): {text}"))
}

/// A message as a client sends it: `{"type":…, …its fields…}`.
///
/// # Panics
/// Where its own serialisation fails.
pub(crate) fn to_json<M: Message>(message: &M) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Typed<'a, M> {
        r#type: &'static str,
        #[serde(flatten)]
        fields: &'a M,
    }
    serde_json::to_vec(&Typed { r#type: M::TYPE, fields: message }).expect("a message of a test serialises")
}
