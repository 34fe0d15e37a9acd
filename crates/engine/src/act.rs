//! The unit of commit: what one send, join or call wants written, as data, and what came of it.
//!
//! An act travels to the store whole and is committed whole or not at all: its message, its handler's SQL, its
//! membership changes. So an act, its message and what follows from it are one commit.

use std::{fmt, ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};
use tidings_wire::{ConversationKey, GroupId, Id, Key, MessageId, Reject, Seq, UserId};

use crate::publish::Projection;

/// What is to be committed together.
#[derive(Debug)]
pub struct Act {
    /// Who is told what came of it; opaque to the store.
    pub origin: Origin,
    /// The user who acts, if there is one. With `key` it names the act.
    pub sender: Option<UserId>,
    /// Makes it idempotent. Only acts with exactly one [`Op::Message`] and a sender carry one; those that store no message
    /// begin with an [`Op::Request`] instead.
    pub key: Option<(Key, BodyHash)>,
    /// Checked inside the transaction, before anything is written.
    pub require: SmallVec<[Require; 1]>,
    /// Written in this order.
    pub ops: SmallVec<[Op; 1]>,
    /// What the dispatcher makes of the rows that [`Op::Sql`] returned.
    pub project: Option<Projection>,
}

impl Act {
    /// One thing to write, by its sender if there is one: without a key, a condition or a projection.
    pub(crate) fn of(origin: Origin, sender: Option<UserId>, op: Op) -> Self {
        Self { origin, sender, key: None, require: smallvec![], ops: smallvec![op], project: None }
    }
}

/// SHA-256 of the received fields as canonical JSON without the envelope, cut to 16 bytes: tells a repeat from another
/// message under the same key.
pub type BodyHash = [u8; 16];

/// Who is told what came of an act. The store carries it and never looks inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody.
    Nobody,
    /// A connection that sent a message.
    Connection {
        /// Its shard.
        shard: u16,
        /// Its slot in the shard; stale when the connection is gone.
        slot: crate::shard::Slot,
        /// The client's `ref`.
        reference: Option<i64>,
        /// The id of a message that is not stored, for its acknowledgement.
        id: Option<MessageId>,
    },
    /// A caller who waits, by the number of its call.
    Call(u64),
}

impl Origin {
    /// The same, with the id of the message that is acknowledged though it is not stored.
    pub(crate) fn with_id(mut self, of: Option<MessageId>) -> Self {
        if let Self::Connection { id, .. } = &mut self {
            *id = of;
        }
        self
    }
}

/// A condition on what the transaction sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Require {
    /// The user is a member of the group; else `not_a_member`, whether the group exists or not.
    Member(GroupId, UserId),
}

/// A call that stores no message and was given a key: the store remembers what it was answered.
///
/// Its name is the act's sender (or that there is none) with the key: a name space apart from that of [`Act::key`]. Where it is
/// known, nothing of the act is required or written: it is answered with [`Outcome::Repeated`] or [`Outcome::KeyReused`].
#[derive(Clone, Debug)]
pub struct Request {
    /// The caller's name for it.
    pub key: Key,
    /// Of what was asked.
    pub hash: BodyHash,
    /// What is answered.
    pub first: First,
}

/// What the first of several calls under one key was answered: the message that went out, though it is stored nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// The message's id.
    pub id: MessageId,
    /// When it was taken, Unix milliseconds.
    pub created_at_ms: i64,
}

/// One thing to write.
#[derive(Debug)]
#[non_exhaustive]
pub enum Op {
    /// What the act is known by, where it stores no message. Only as the first of its act.
    Request(Request),
    /// A message at the end of its stream.
    Message(Entry),
    /// A member more. Joining twice changes nothing.
    Join(GroupId, UserId),
    /// A member less. Leaving twice changes nothing.
    Leave(GroupId, UserId),
    /// Another body for a stored message, or none any more.
    Change(Change),
    /// The user has read the stream up to this seq. A mark only moves forward; above the head it counts as the head (of a group
    /// that the user left: the head as of then); who never was in the stream is refused with `not_found`. Refusing undoes the
    /// whole act.
    Read(ConversationKey, UserId, Seq),
    /// When a user was last there.
    Seen(Seen),
    /// A handler's own statement.
    Sql(Write),
}

/// When a user was last there, for others' eyes: in place of what was known of it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub user: UserId,
    /// Unix seconds; none forgets what was known.
    pub at: Option<i64>,
    /// Whether it is known that the user was visible then. If not, it is written only where they have not chosen otherwise; else
    /// what was known stays.
    pub sure: bool,
}

/// A message to be stored. Its `seq` is allocated in the insert's transaction.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The stream.
    pub conversation: ConversationKey,
    /// The message's id.
    pub id: MessageId,
    /// The type's name.
    pub kind: &'static str,
    /// The type's version.
    pub version: u16,
    /// The type's own fields, a JSON object.
    pub body: Bytes,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Of a dm: the one of its two who had blocked the sender when it was sent, and is never shown it, nor any event of it. To them its
    /// seq is a skip, and the conversation as if nothing had come: it does not move in their list, and stands in it only from the
    /// first message on that they are shown.
    pub withheld: Option<UserId>,
}

/// An edit or a deletion: an event with a seq of its own at the end of the stream, so that whoever was away learns of it by
/// resuming. The message that it is about changes in its place: it has the new body, or none, from now on.
///
/// Refused with `not_found`, undoing the whole act, where there is no such message, where it is deleted already or itself an event,
/// and where `by` does not see it; with `not_allowed` where `by` sees it and is not its sender.
#[derive(Clone, Debug)]
pub struct Change {
    /// The stream.
    pub conversation: ConversationKey,
    /// The message's seq.
    pub of: Seq,
    /// Who changes it; none where a service does, which may change every message.
    pub by: Option<UserId>,
    /// The event's own id.
    pub id: MessageId,
    /// The type's version and its fields, a JSON object; none deletes the message.
    pub body: Option<(u16, Bytes)>,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Of an edit in a dm: the one of its two who has blocked whoever edits. From then on they are shown neither the message nor the
    /// event, as if it had been sent then. Events of what is withheld already are withheld, whatever stands here.
    pub withheld: Option<UserId>,
}

/// A statement of a handler or a pack: portable SQL with its parameters, and what it expects of the rows it touches.
///
/// Parameters are `$1`, `$2` … and may be used in any order and more than once; ids are [`Value::Id`], which each
/// adapter stores in its own way. Each value is named at least once, because some databases refuse one that is not. The
/// statement begins with `INSERT`, `UPDATE`, `DELETE`, `REPLACE`, `WITH`, `SELECT` or `VALUES`: it changes rows, and neither
/// tables nor transactions. A statement that breaks these rules, or fails, costs its own act alone, which is undone and
/// answered `unavailable`.
#[derive(Clone, Debug)]
pub struct Write {
    /// One statement.
    pub sql: std::borrow::Cow<'static, str>,
    /// The values of `$1`, `$2` …
    pub values: Vec<Value>,
    /// How many rows it may touch (with `returning`: return).
    pub rows: RangeInclusive<u64>,
    /// What happens where it touches another number of rows.
    pub otherwise: Otherwise,
    /// Whether the statement returns rows (`RETURNING`): at most 1,000 are read, more are an error.
    pub returning: bool,
}

impl Write {
    /// A statement that may touch any number of rows.
    pub fn new(sql: impl Into<std::borrow::Cow<'static, str>>, values: impl Into<Vec<Value>>) -> Self {
        Self {
            sql: sql.into(),
            values: values.into(),
            rows: 0..=u64::MAX,
            otherwise: Otherwise::Carry,
            returning: false,
        }
    }

    /// It must touch so many rows, or else.
    #[must_use]
    pub fn expect(mut self, rows: RangeInclusive<u64>, otherwise: Otherwise) -> Self {
        self.rows = rows;
        self.otherwise = otherwise;
        self
    }

    /// Its rows are handed to the act's projection.
    #[must_use]
    pub fn returning(mut self) -> Self {
        self.returning = true;
        self
    }
}

/// What happens where a statement touched another number of rows than it expected.
#[derive(Clone, Debug)]
pub enum Otherwise {
    /// The whole act is undone and answered with this.
    Refuse(Reject),
    /// What was written by then stays, the rest of the act is left out, its sender gets an acknowledgement, nobody else
    /// hears of it.
    Quiet,
    /// Go on.
    Carry,
}

/// A parameter or a column's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A double.
    Real(f64),
    /// Text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Bytes),
    /// An id of a user, group or post: adapters lower it. Read back, it is what it was lowered to: see [`Value::id`].
    Id(Id),
}

impl Value {
    /// The id in the value: an integer, 16 bytes or the text of either, as an adapter or the app's tables hold it.
    pub fn id(&self) -> Option<Id> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Int(value) => Id::from_integer(*value).ok(),
            Self::Bytes(bytes) => Id::from_uuid(bytes.as_ref().try_into().ok()?).ok(),
            Self::Text(text) => text.parse().ok(),
            Self::Null | Self::Real(_) => None,
        }
    }

    /// The integer in the value.
    pub fn int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The text in the value.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<UserId> for Value {
    fn from(user: UserId) -> Self {
        Self::Id(user.0)
    }
}

impl From<GroupId> for Value {
    fn from(group: GroupId) -> Self {
        Self::Id(group.0)
    }
}

impl From<tidings_wire::PostId> for Value {
    fn from(post: tidings_wire::PostId) -> Self {
        Self::Id(post.0)
    }
}

/// One row, by position.
pub type Row = Vec<Value>;

/// The number of a commit's row on its node, rising without a repeat: 1, 2, 3 …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitNumber(pub u64);

impl fmt::Display for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where a stored message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id.
    pub id: MessageId,
    /// Its stream.
    pub conversation: ConversationKey,
    /// Its place in the stream.
    pub seq: Seq,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// An act with what came of it.
#[derive(Debug)]
pub struct Settled {
    /// The act, given back.
    pub act: Act,
    /// The commit number of its last message; none where it stored none.
    pub commit: Option<CommitNumber>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an act.
#[derive(Debug)]
pub enum Outcome {
    /// On disk.
    Stored {
        /// One for each [`Op::Message`] and each [`Op::Change`] (of its event), in order.
        receipts: SmallVec<[Receipt; 1]>,
        /// The rows of each returning [`Op::Sql`], in order.
        rows: Vec<Vec<Row>>,
        /// For each [`Op::Join`] and [`Op::Leave`] that changed something: the group's head at that moment.
        membership: SmallVec<[Membership; 1]>,
        /// For each [`Op::Read`] that moved a mark: where it stands now.
        reads: SmallVec<[ReadMark; 1]>,
        /// Of the receipts, by their ids: what one of the two of a dm is never shown, and who.
        withheld: Vec<(MessageId, UserId)>,
        /// Whether the first message of a dm that both of its two are shown is among the receipts.
        met: bool,
    },
    /// An [`Otherwise::Quiet`] ended it: on disk up to there, and nobody is told.
    Quiet,
    /// The key was known, with the same body: the first one's receipt.
    Duplicate(Receipt),
    /// The request was known, with the same body: what the first one was answered.
    Repeated(First),
    /// The key was known, with another body.
    KeyReused,
    /// A requirement or a statement's expectation failed; nothing was written.
    Refused(Reject),
    /// Not known to be on disk: to be repeated with the same key after so long.
    Unavailable(Duration),
}

/// How far a user has read a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadMark {
    /// The stream.
    pub conversation: ConversationKey,
    /// The user.
    pub user: UserId,
    /// Read up to here.
    pub seq: Seq,
    /// Messages above it that are not the user's own, as [`ConversationSummary::unread`](crate::ports::ConversationSummary) counts.
    pub unread: u64,
}

/// A membership that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
    /// Joined, or left.
    pub joined: bool,
    /// The last seq of the group's stream as of the change.
    pub head: Seq,
}
