//! The inbox of a user, as the engine needs it.

use bytes::Bytes;
use tidings_wire::{
    MessageId, Reject, Seq, UserId,
    server_frames::{InboxHead, InboxPage, RowState},
};

use super::{BoxFuture, StoreError};

/// What keeps users' notifications, for connections of `tidings.v1`: where an inbox stands, what changed in it, its pages, its marks.
///
/// An inbox is a state stream: each change of a row takes the next number of the inbox's count of changes, and numbers may be
/// skipped. The engine asks [`after`](Inbox::after) while a connection resumes, again until nothing came meanwhile, and sends what it
/// is told of by `Tidings::tell_inbox` once the connection is live. Whoever tells of a change tells of it after its commit, and of one
/// user's changes in ascending order; then nothing is lost and nothing doubled, as with messages.
///
/// Any thread may call, several at a time.
pub trait Inbox: Send + Sync + 'static {
    /// Where the user's inbox stands.
    fn head(&self, user: UserId) -> BoxFuture<Result<InboxHead, StoreError>>;

    /// What changed after `after`, each row and each mark once, as it stands now, ascending; at most `limit`.
    fn after(&self, user: UserId, after: Seq, limit: u32) -> BoxFuture<Result<InboxChanges, StoreError>>;

    /// A page, the latest change first. Its `ref` is the caller's to fill in; it fits into a frame.
    ///
    /// # Errors
    /// `bad_field`, `unavailable`, `not_enabled`.
    fn page(&self, user: UserId, asked: InboxPageAsked) -> BoxFuture<Result<InboxPage, Reject>>;

    /// Marks rows; the user's connections are told of it by the inbox itself.
    ///
    /// # Errors
    /// `bad_field`, `unavailable`, `not_enabled`.
    fn mark(&self, user: UserId, mark: InboxMarked) -> BoxFuture<Result<(), Reject>>;

    /// A user who has a connection here was told to have changes up to `seq`
    /// ([`Consequences::inbox`](crate::publish::Consequences::inbox)). Called by the dispatcher, in commit order, after the commit:
    /// must not block.
    fn changed(&self, user: UserId, seq: Seq);
}

/// Which page of an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxPageAsked {
    /// Rows whose last change is below this.
    pub before: Option<Seq>,
    /// Rows: 1 to 100.
    pub limit: u32,
    /// Which rows.
    pub filter: InboxFilter,
}

impl InboxPageAsked {
    /// As a client asks for it, over whatever way: 50 rows where it says nothing of them.
    ///
    /// # Errors
    /// `bad_field` for more than 100 or fewer than 1, and for another filter than `unread`, `archived`, `requests`.
    pub fn read(before: Option<Seq>, limit: Option<u32>, filter: Option<&str>) -> Result<Self, Reject> {
        let limit = limit.unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return Err(Reject::field("limit", "1 to 100"));
        }
        let filter = match filter {
            None => InboxFilter::All,
            Some("unread") => InboxFilter::Unread,
            Some("archived") => InboxFilter::Archived,
            Some("requests") => InboxFilter::Requests,
            Some(_) => return Err(Reject::field("filter", "\"unread\", \"archived\", \"requests\", or nothing")),
        };
        Ok(Self { before, limit, filter })
    }
}

/// Which rows of an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InboxFilter {
    /// Those that are not archived.
    #[default]
    All,
    /// Those that were not read.
    Unread,
    /// Those that are archived.
    Archived,
    /// Those that strangers caused, which wait for an answer.
    Requests,
}

/// Rows to mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxMarked {
    /// How far they have got: `seen`, `read` or `archived`.
    pub state: RowState,
    /// Which.
    pub rows: MarkedRows,
}

impl InboxMarked {
    /// As a client asks for it, over whatever way.
    ///
    /// # Errors
    /// `bad_field` for another state than `seen`, `read`, `archived`, for more than 100 ids, and unless exactly one of `up_to` and `ids`
    /// is given.
    pub fn read(state: &str, up_to: Option<Seq>, ids: Option<Vec<MessageId>>) -> Result<Self, Reject> {
        let state = match state {
            "seen" => RowState::Seen,
            "read" => RowState::Read,
            "archived" => RowState::Archived,
            _ => return Err(Reject::field("state", "\"seen\", \"read\" or \"archived\"")),
        };
        let rows = match (up_to, ids) {
            (Some(up_to), None) => MarkedRows::UpTo(up_to),
            (None, Some(ids)) if ids.len() <= 100 => MarkedRows::Ids(ids),
            (None, Some(_)) => return Err(Reject::field("ids", "at most 100 rows at once")),
            _ => return Err(Reject::field("up_to", "either \"up_to\" or \"ids\" says which rows")),
        };
        Ok(Self { state, rows })
    }
}

/// Which rows a mark is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkedRows {
    /// Those whose last change is at most this.
    UpTo(Seq),
    /// These, at most 100; those that are not the user's are passed over.
    Ids(Vec<MessageId>),
}

/// What changed in an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboxChanges {
    /// Ascending.
    pub changes: Vec<InboxChange>,
    /// Whether there is more above the last.
    pub more: bool,
    /// The inbox's head as of this reading.
    pub head: Seq,
    /// Rows that are gone were forgotten above where the reading began: what is held is to be replaced by pages. There are no changes then.
    pub forgotten: bool,
}

/// One change, as frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxChange {
    /// Its place.
    pub seq: Seq,
    /// The frame of `tidings.v1`, a JSON object.
    pub json: Bytes,
    /// That of the guide's dialect; none where it hears nothing of it.
    pub guide: Option<Bytes>,
}
