//! The inbox in frames: rows, marks, pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{MessageId, Seq, UserId};

/// How far a row of the inbox has got. Each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// New.
    #[default]
    Unseen,
    /// It was on a screen.
    Seen,
    /// It was opened.
    Read,
    /// It was put away.
    Archived,
}

impl RowState {
    /// Its name in frames.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Seen => "seen",
            Self::Read => "read",
            Self::Archived => "archived",
        }
    }
}

/// `notification`: a row of the inbox as it stands after its last change.
///
/// The inbox is a state stream: whoever holds the row replaces it, unless the one they hold has a higher `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    /// The row's last change in the inbox's count of changes.
    pub seq: Seq,
    /// The row.
    pub id: MessageId,
    /// What kind of notification.
    pub subtype: String,
    /// The sentence, in the reader's language.
    pub message: String,
    /// Who did it last; absent where nobody in particular did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// The last ten who did it, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<UserId>,
    /// How many different users did it.
    pub count: u64,
    /// How often it was done.
    pub events: u64,
    /// What the app says of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
    /// What was joined into this row; absent where nothing can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// When it was done last, Unix seconds.
    pub timestamp: i64,
    /// How far it has got.
    pub state: RowState,
    /// The row is gone: everything in it was taken back, or its time was over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// It waits among the requests, because of who caused it: it is not counted, and stands in pages of requests alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub request: bool,
    /// Rows of the inbox that were not read; absent in pages, which say it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
    /// Rows of the inbox that were not seen; absent in pages, which say it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<u64>,
    /// Sent again by a resume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// `inbox_state`: all rows whose last change is at most `up_to` have got so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxState {
    /// Its own place in the inbox's count of changes.
    pub seq: Seq,
    /// How far.
    pub state: RowState,
    /// Up to here.
    pub up_to: Seq,
    /// Rows that were not read.
    pub unread: u64,
    /// Rows that were not seen.
    pub unseen: u64,
    /// Sent again by a resume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// `inbox`: a page, the latest change first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InboxPage {
    /// Of the request.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<i64>,
    /// The rows.
    pub notifications: Vec<Notification>,
    /// Rows of the inbox that were not read.
    pub unread: u64,
    /// Rows of the inbox that were not seen.
    pub unseen: u64,
    /// Whether there are more, below the last one's `seq`.
    pub more: bool,
}

/// An inbox in which more changed than a resume replays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxBehind {
    /// The last change that was not sent; live frames go on above it.
    pub head: Seq,
}
