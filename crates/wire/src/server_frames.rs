//! What the server of `tidings.v1` sends beside messages. Each serialises with its `type` first.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use crate::{Code, ConversationKey, MessageId, Seq, StreamKey, UserId};

mod inbox;

pub use inbox::{InboxBehind, InboxPage, InboxState, Notification, RowState};

/// A frame of the server's.
pub trait Frame: Serialize {
    /// Its `type`.
    const TYPE: &'static str;

    /// The frame as JSON, the type first.
    fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Typed<'a, F: Serialize + ?Sized> {
            r#type: &'static str,
            #[serde(flatten)]
            frame: &'a F,
        }
        serde_json::to_vec(&Typed { r#type: Self::TYPE, frame: self }).expect("strings and numbers always serialise")
    }
}

/// Declares frames with their types.
macro_rules! frames {
    ($($name:ident = $kind:literal;)+) => {
        $(impl Frame for $name {
            const TYPE: &'static str = $kind;
        })+
    };
}

frames! {
    Resumed = "resumed";
    Ack = "ack";
    Skip = "skip";
    Reset = "reset";
    Joined = "joined";
    Left = "left";
    ReadUpTo = "read";
    TypingNow = "typing";
    Presence = "presence";
    Pong = "pong";
    Drain = "drain";
    Welcome = "welcome";
    HistoryPage = "history";
    Refused = "error";
    Notification = "notification";
    InboxState = "inbox_state";
    InboxPage = "inbox";
}

/// The JSON Schema of each frame, by its type.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        typed::<Welcome>("welcome"),
        typed::<Resumed>("resumed"),
        typed::<Ack>("ack"),
        typed::<Refused>("error"),
        typed::<Skip>("skip"),
        typed::<Changed>("edited"),
        typed::<Changed>("deleted"),
        typed::<HistoryPage>("history"),
        typed::<Reset>("reset"),
        typed::<Joined>("joined"),
        typed::<Left>("left"),
        typed::<ReadUpTo>("read"),
        typed::<TypingNow>("typing"),
        typed::<Presence>("presence"),
        typed::<Notification>("notification"),
        typed::<InboxState>("inbox_state"),
        typed::<InboxPage>("inbox"),
        typed::<Drain>("drain"),
        typed::<Pong>("pong"),
    ]
}

/// The schema of a frame's fields, with its type.
pub(crate) fn typed<F: JsonSchema>(kind: &'static str) -> (&'static str, Schema) {
    let mut schema = schema_for!(F);
    let fields = schema.ensure_object();
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    properties["type"] = json!({"const": kind});
    let required = fields.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut() {
        required.insert(0, json!("type"));
    }
    (kind, schema)
}

/// `welcome`: answers `hello`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// Of the `hello`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// Who it is.
    pub user: UserId,
    /// The connection's name while the server runs.
    pub connection: String,
    /// Names this history of the store: seqs of another one mean nothing here.
    pub epoch: String,
    /// After so many seconds of hearing nothing the client pings.
    pub ping: u64,
    /// When the credentials end; absent where they don't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// What a client must keep to.
    pub limits: Limits,
    /// The 100 conversations touched last, as many of them as fit into 96 KiB.
    #[schemars(with = "Vec<ConversationInList>")]
    pub conversations: Vec<Box<RawValue>>,
    /// Where the inbox stands.
    pub inbox: InboxHead,
}

/// What a client must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Bytes of a frame that the client sends.
    pub frame_bytes: u64,
}

/// Where the inbox stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxHead {
    /// The last change.
    pub head: Seq,
    /// Rows that were not seen.
    pub unseen: u64,
    /// Rows that were not read.
    pub unread: u64,
}

/// A conversation as it stands in a list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConversationInList {
    /// Which.
    pub conversation: ConversationKey,
    /// The highest seq that the reader can see.
    pub head: Seq,
    /// How far it was read.
    pub read: Seq,
    /// Messages above `read`: not one's own, not deleted, no events, no skips.
    pub unread: u64,
    /// When the last message or event came, Unix seconds; 0 where none came yet.
    pub touched_at: i64,
    /// Until when the reader has muted it, Unix seconds, which may be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    /// The last message, its content cut at 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `resumed`: what was missed has been sent, but for `behind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// Of the `hello`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// Streams of which more was missed than fitted: to be fetched by `history`.
    pub behind: Vec<Behind>,
    /// More changed in the inbox than fitted: what the client holds of it is to be replaced by its pages, fetched by `inbox`. They
    /// show no row that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbox: Option<InboxBehind>,
}

/// A stream of which more was missed than fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// Which.
    pub conversation: ConversationKey,
    /// The highest seq to fetch up to; live frames go on above it.
    pub head: Seq,
}

/// `ack`: the message was taken; a kept one is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ack {
    /// Of the message.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// Its id; absent where what was asked for has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Unix seconds.
    pub timestamp: i64,
    /// The stream of a kept one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationKey>,
    /// Its place there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The key was known: these are the first one's id and seq.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
}

/// `skip`: nothing to show from the first to the last of these seqs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skip {
    /// The stream.
    pub conversation: ConversationKey,
    /// The first.
    pub from: Seq,
    /// The last.
    pub to: Seq,
}

/// Why a stream begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResetReason {
    /// What is held belongs to another history: drop it.
    Epoch,
    /// What lies between is gone: keep what is held.
    Pruned,
}

/// `reset`: the stream does not go on where the client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reset {
    /// The stream: a conversation, or `inbox`.
    pub conversation: StreamKey,
    /// Why.
    pub reason: ResetReason,
    /// The lowest seq there is.
    pub oldest: Seq,
    /// The highest.
    pub head: Seq,
}

/// `joined`: the user is a member from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    /// Of which group.
    pub conversation: ConversationKey,
    /// The user's stream begins above this.
    pub head: Seq,
}

/// `left`: the user is no member any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Of which group.
    pub conversation: ConversationKey,
    /// The user's stream ends here.
    pub head: Seq,
}

/// `read`: how far a user has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadUpTo {
    /// The stream.
    pub conversation: ConversationKey,
    /// Who.
    pub user: UserId,
    /// Up to here.
    pub seq: Seq,
    /// What is left, of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
}

/// `typing`: lapses after 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TypingNow {
    /// Where.
    pub conversation: ConversationKey,
    /// Who.
    pub user: UserId,
}

/// `presence`: of a user who is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// Whether they have a connection; offline is told 10 s after the last one went.
    pub online: bool,
    /// When the last connection went, Unix seconds; absent while online, and where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<i64>,
}

/// `edited` and `deleted`: what befell a message, with a seq of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// The stream.
    pub conversation: ConversationKey,
    /// The event's own place.
    pub seq: Seq,
    /// The message's place.
    pub of: Seq,
    /// The new body, of `edited`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Map<String, serde_json::Value>>,
    /// Who did it; absent where a service did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// Unix seconds.
    pub timestamp: i64,
    /// The event's id.
    pub id: MessageId,
    /// Sent again by a resume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// `error`: what was asked for is refused; the connection stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// Of what was refused.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// For programs.
    pub code: Code,
    /// For people: says what to change.
    pub message: String,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The path of the wrong field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// `pong`: answers `ping`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pong {
    /// Of the `ping`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
}

/// `drain`: the server is about to stop, and closes with 1012.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drain {
    /// When to come back.
    pub retry_after_ms: u64,
}

/// `history`: a page.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPage {
    /// Of the request.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The stream.
    pub conversation: ConversationKey,
    /// Messages, events and skips, ascending.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub messages: Vec<Box<RawValue>>,
    /// The lowest seq of this reader's.
    pub oldest: Seq,
    /// The highest.
    pub head: Seq,
    /// Whether there is more in the direction of the page.
    pub more: bool,
}
