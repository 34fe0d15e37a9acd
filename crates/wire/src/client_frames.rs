//! What a client of `tidings.v1` sends beside messages.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{ConversationKey, GroupId, MessageId, Seq, Topic, UserId, server_frames::typed};

/// The JSON Schema of each frame, by its type.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        typed::<Hello>("hello"),
        typed::<Edit>("edit"),
        typed::<Delete>("delete"),
        typed::<History>("history"),
        typed::<Read>("read"),
        typed::<Typing>("typing"),
        typed::<Watch>("watch"),
        typed::<Watch>("unwatch"),
        typed::<Attention>("attention"),
        typed::<Inbox>("inbox"),
        typed::<InboxMark>("inbox_mark"),
        typed::<Token>("token"),
        typed::<Ping>("ping"),
    ]
}

/// `hello`: the first frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// Comes back in `welcome` and `resumed`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// Who it is, where the upgrade's credentials did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The epoch of `heads`: required with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The last seq held of each stream that is to be resumed: conversations and `inbox`, at most 500.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub heads: BTreeMap<String, Seq>,
}

/// The most streams that one `hello` resumes.
pub const MAX_HEADS: usize = 500;

/// `edit`: another body for a message of one's own.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The stream.
    pub conversation: ConversationKey,
    /// The message's place in it.
    pub seq: Seq,
    /// The type's fields, all of them.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub body: Box<RawValue>,
}

/// `delete`: a message of one's own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Delete {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The stream.
    pub conversation: ConversationKey,
    /// The message's place in it.
    pub seq: Seq,
}

/// `history`: a page of a stream.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The stream.
    pub conversation: ConversationKey,
    /// Below this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// Above this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// 1 to 100; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `read`: read up to there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Read {
    /// Comes back in an error.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The stream.
    pub conversation: ConversationKey,
    /// Only forward; above the head counts as the head.
    pub seq: Seq,
}

/// `typing`: to a user or to a group.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Typing {
    /// Comes back in an error.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The user who is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<UserId>,
    /// The group that is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
}

/// `watch` and `unwatch`: presence of users, live messages of topics.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Watch {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// Whose presence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
    /// Which topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Topic>,
}

/// The most users and topics together that a connection watches.
pub const MAX_WATCHED: usize = 500;

/// `attention`: whether a person looks at this connection.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// Whether it is looked at.
    pub active: bool,
}

/// `inbox`: a page of the inbox.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Inbox {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// Rows whose last change is below this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// 1 to 100; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `unread`, `archived` or `requests`; absent: all that are not archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// `inbox_mark`: rows seen, read or archived.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InboxMark {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// `seen`, `read` or `archived`: how far they have got.
    pub state: String,
    /// All rows whose last change is at most this seq. Either this or `ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Seq>,
    /// These rows, at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<MessageId>>,
}

/// `token`: renews the credentials of an open connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The new token, of the same user.
    pub token: String,
}

/// `ping`, answered by `pong`: for clients that can't send WebSocket pings.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ping {
    /// Comes back in the answer.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
}
