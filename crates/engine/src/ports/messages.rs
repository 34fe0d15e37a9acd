//! The store of messages: one writer that commits acts in order, and readers apart.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use bytes::Bytes;
use tidings_wire::{ConversationKey, GroupId, Key, MessageId, Seq, UserId};

use super::{BoxFuture, StoreError};
use crate::act::{Act, BodyHash, CommitNumber, First, Receipt, Row, Settled, Value};

/// Where acts become durable.
///
/// The engine calls [`start`](MessageStore::start) once, before all else. Then any thread may call any method at any
/// time. Acts are committed in the order in which they were submitted; an outcome other than
/// [`Unavailable`](crate::act::Outcome::Unavailable) is told only once the commit that holds it is on disk.
///
/// The writer's thread lives as long as the store, and the sink as long as that thread: so a sink must not hold the store.
///
/// `history`, `conversations` and the like read on threads of their own and see every commit that was told before they
/// were called. A future that is dropped gives up its answer and nothing else.
pub trait MessageStore: Send + Sync + 'static {
    /// Opens the store for this run; outcomes go to `sink` from now on.
    ///
    /// # Errors
    /// Where the store can't be opened.
    fn start(&self, sink: Arc<dyn CommitSink>) -> Result<Start, StoreError>;

    /// Takes acts from the front of `acts` as long as there is room, and says whether all were taken. Never blocks.
    /// Where it says no, [`CommitSink::room`] is called once there is room again.
    fn submit(&self, acts: &mut VecDeque<Act>) -> bool;

    /// The messages and events committed after a commit number, ascending, at most `limit`; but for what is gone by now, and edits
    /// of what is gone or deleted. Fewer than `limit` are all that there are.
    fn since(
        &self,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>>;

    /// Runs one reading statement of a handler or pack (parameters as in [`crate::act::Write`]); at most 1,000 rows, more
    /// are an error.
    fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> BoxFuture<Result<Vec<Row>, StoreError>>;

    /// What is stored under a sender's key, with the hash of its body.
    fn keyed(&self, sender: UserId, key: Key) -> BoxFuture<Result<Option<(Receipt, BodyHash)>, StoreError>>;

    /// What an [`Op::Request`](crate::act::Op::Request) of this sender, or of nobody, was answered under a key, with the hash of
    /// what it asked.
    fn requested(&self, by: Option<UserId>, key: Key) -> BoxFuture<Result<Option<(First, BodyHash)>, StoreError>>;

    /// A page of a conversation, ascending; none where the reader may not see the conversation, or nothing came that they see. What is
    /// withheld from them ([`Entry::withheld`](crate::act::Entry::withheld)) is a skip.
    fn history(
        &self,
        of: ConversationKey,
        reader: Reader,
        page: Page,
    ) -> BoxFuture<Result<Option<HistoryPage>, StoreError>>;

    /// One message as its reader sees it, also a deleted one; none where there is none, or the reader may not see it. Events are none.
    fn message(
        &self,
        of: ConversationKey,
        seq: Seq,
        reader: Reader,
    ) -> BoxFuture<Result<Option<StoredMessage>, StoreError>>;

    /// Where streams stand for a user, in the order of `streams` (at most 500); none for one that does not stand in the user's
    /// conversations: who joined a group sees it, though nothing may have come yet.
    fn standings(
        &self,
        of: UserId,
        streams: Vec<ConversationKey>,
    ) -> BoxFuture<Result<Vec<Option<Standing>>, StoreError>>;

    /// What a user chose for themselves; the default where they chose nothing.
    fn choices(&self, of: UserId) -> BoxFuture<Result<Choices, StoreError>>;

    /// Those of `users` (at most 500, each once) who share a conversation with a user now: the two of a dm that has had a message that
    /// both are shown, the members of a group of the store's own. In any order.
    fn acquainted(&self, of: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>>;

    /// When those of `users` (at most 500, each once) of whom it is known were last there, Unix seconds: what
    /// [`Op::Seen`](crate::act::Op::Seen) wrote last. In any order.
    fn last_seen(&self, of: Vec<UserId>) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>>;

    /// Sets what a user chose.
    fn choose(&self, of: UserId, choices: Choices) -> BoxFuture<Result<(), StoreError>>;

    /// Mutes a conversation for a user until a Unix second, or not any more. Belongs to the user's latest membership: who joins anew
    /// has muted nothing. False where the user sees nothing of the conversation.
    fn mute(
        &self,
        of: UserId,
        conversation: ConversationKey,
        until: Option<i64>,
    ) -> BoxFuture<Result<bool, StoreError>>;

    /// Erases what a user wrote: each message and event of theirs is gone (its seq is skipped from now on, and it is nobody's
    /// unread), with its keys and those of their requests, so that a repeat would be a new message. No seq, id or commit number changes, nor does the order of
    /// anybody's list. Events of others about it stay: a deletion is still told, an edit is skipped. Erasing again changes nothing.
    ///
    /// With the last of it their choices and mutes go and when they were last seen, and their read marks go to 0: all that others sent,
    /// and they still see, counts as unread to them. Until then the marks stand, because what is left of one's own below a mark is not unread. Memberships stay:
    /// the caller ends those first.
    ///
    /// One call erases at most about 10,000 messages, so that others' commits wait no longer than for that; `more` says whether to
    /// call again.
    fn erase(&self, user: UserId) -> BoxFuture<Result<Erased, StoreError>>;

    /// What a user wrote, messages and events as [`since`](MessageStore::since) tells them, in the order of its commits, at most
    /// `limit` after the commit number. Fewer are all that there are.
    fn written_by(
        &self,
        user: UserId,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>>;

    /// The store's own groups that a user is in, or was in while something came, after one of them; at most `limit`. In an order that
    /// never changes, whatever is written and whoever leaves between two pages; nothing follows a group that does not exist. Fewer
    /// are all that there are.
    fn groups_of(
        &self,
        user: UserId,
        after: Option<GroupId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<GroupId>, StoreError>>;

    /// Removes the messages of a type, and events about such, that were stored before this moment (Unix milliseconds), oldest
    /// first, at most `limit`; says how many. An event goes at an age of its own: one that is younger than its message stays for
    /// the while. What goes is gone as with [`erase`](MessageStore::erase), and its space is used again. Others' commits wait
    /// for one call: a `limit` of a few thousand is a good one.
    fn prune(&self, kind: &str, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>>;

    /// Forgets requests that were taken before this moment (Unix milliseconds), oldest first, at most `limit`; says how many. Their
    /// keys are free again. Others' commits wait for one call.
    fn forget_requests(&self, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>>;

    /// A user's conversations, latest touched first (by commit, whatever the clock said), after the one named by `before`;
    /// at most `limit` (1 to 100). Groups without a message come last; nothing follows one that is not in the list.
    fn conversations(
        &self,
        of: UserId,
        before: Option<Before>,
        limit: u32,
    ) -> BoxFuture<Result<ConversationPage, StoreError>>;

    /// One conversation as it stands in a user's list; none where it does not.
    fn conversation(
        &self,
        of: UserId,
        conversation: ConversationKey,
    ) -> BoxFuture<Result<Option<ConversationSummary>, StoreError>>;

    /// Whether handlers and packs may bring SQL ([`crate::act::Op::Sql`], [`query`](MessageStore::query)).
    fn runs_sql(&self) -> bool;

    /// Whether the store answers now, for `/readyz`: what is wrong, in a sentence, or nothing.
    fn health(&self) -> Option<String>;

    /// Commits what was submitted, tells the outcomes, and closes. Later acts are answered `Unavailable`. Blocks.
    fn stop(&self);
}

/// Who hears of outcomes. Called from the store's writer thread, in commit order, refusals included.
pub trait CommitSink: Send + Sync + 'static {
    /// Outcomes of one commit. May wait for room, which holds the writer back.
    fn settled(&self, batch: Vec<Settled>);

    /// [`MessageStore::submit`] has room again after it said no.
    fn room(&self);
}

/// What a store says when it starts.
#[derive(Clone, Debug)]
pub struct Start {
    /// Names this history of the store; another one where an old copy was restored.
    pub epoch: Arc<str>,
    /// The node's number in message ids, 0 to 1023.
    pub node: u16,
    /// The last commit.
    pub last_commit: CommitNumber,
    /// The highest message id that is stored.
    pub last_id: Option<MessageId>,
}

/// Who reads a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A user: sees what was stored while they were a member.
    User(UserId),
    /// A service with a key: sees all.
    Service,
}

/// Which part of a conversation. Both ends are exclusive; with both, those between, the latest first to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Below this seq.
    pub before: Option<Seq>,
    /// Above this seq: the page then begins right after it. Without it the page ends at `before` or at the head.
    pub after: Option<Seq>,
    /// At most so many entries, 1 to 100.
    pub limit: u32,
}

impl Page {
    /// The page that begins right after a seq.
    pub fn after(seq: Seq, limit: u32) -> Self {
        Self { before: None, after: Some(seq), limit }
    }
}

/// Where a page of conversations goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// After this one in the list.
    Conversation(ConversationKey),
    /// With those touched before this Unix second.
    Touched(i64),
}

/// A message as it is stored, or the event of its being changed.
///
/// An event (`event` is set) has its own `seq`, `id`, `sender` and `created_at_ms`; `kind`, `version` and `body` are those of the
/// message that it is about, as it stands now: so whoever replays an edit learns the latest body at once. It has no key and no
/// times of edits. A deletion of what is gone by now keeps the `kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its stream.
    pub conversation: ConversationKey,
    /// Its place in the stream.
    pub seq: Seq,
    /// Its id.
    pub id: MessageId,
    /// The type's name, which may be registered no more.
    pub kind: Box<str>,
    /// The type's version when it was stored.
    pub version: u16,
    /// Who sent it.
    pub sender: Option<UserId>,
    /// The sender's key.
    pub key: Option<Key>,
    /// The type's own fields, a JSON object; `{}` of what was deleted.
    pub body: Bytes,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was last edited, Unix milliseconds.
    pub edited_at_ms: Option<i64>,
    /// When it was deleted, Unix milliseconds.
    pub deleted_at_ms: Option<i64>,
    /// Set where this is no message but what befell one.
    pub event: Option<Event>,
    /// The one of a dm who is never shown it, as [`since`](MessageStore::since) and [`written_by`](MessageStore::written_by) tell;
    /// pages say nothing of it, because who reads one either sees the message or a skip.
    pub withheld: Option<UserId>,
}

/// What befell a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The message with this seq has another body.
    Edited(Seq),
    /// The message with this seq has none any more.
    Deleted(Seq),
}

/// What stands at a seq of a page, or at several.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all lines are messages: a box would cost an allocation for each")]
pub enum Line {
    /// A message or an event.
    Message(StoredMessage),
    /// There is nothing to show from the first to the last of these seqs, both included: pruned, erased or withheld from this
    /// reader; an edit of a message that is deleted by now.
    Skip {
        /// The first.
        from: Seq,
        /// The last.
        to: Seq,
    },
}

impl Line {
    /// The last seq that it covers.
    pub fn last(&self) -> Seq {
        match self {
            Self::Message(message) => message.seq,
            Self::Skip { to, .. } => *to,
        }
    }
}

/// A page of a conversation, as one reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Ascending. Whatever the page covers between `oldest` and `head` is in it without a hole; a skip counts as one entry. With
    /// `after` it begins right behind that (or with the first that is visible), so the last entry says where to go on. A page stops
    /// early once its bodies have about 96 KiB, or where much is skipped, with at least one entry; two skips in a row are then cut
    /// by the end of a page.
    pub lines: Vec<Line>,
    /// The lowest seq that is stored and visible; where nothing is, `head` + 1, and there are no lines.
    pub oldest: Seq,
    /// Up to here all has come that this reader can see: the stream's head, or the one at which the reader left.
    pub head: Seq,
    /// Whether there is more in the direction of the page.
    pub more: bool,
}

impl HistoryPage {
    /// The messages and events in it, without the skips.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &StoredMessage> {
        self.lines.iter().filter_map(|line| if let Line::Message(message) = line { Some(message) } else { None })
    }
}

/// A page of a user's conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationPage {
    /// Latest touched first.
    pub conversations: Vec<ConversationSummary>,
    /// Whether there are more.
    pub more: bool,
}

/// A conversation as it stands in a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationSummary {
    /// Which.
    pub conversation: ConversationKey,
    /// The highest seq that the user can see.
    pub head: Seq,
    /// How far the user has read.
    pub read: Seq,
    /// Messages above `read` and up to `head` that the user sees and did not send, that are not deleted, no events, not gone.
    pub unread: u64,
    /// When the last message or event came (of a group that was left: as of then; but for what is withheld from the user), also where
    /// it is gone, Unix seconds; 0 where none came yet.
    pub touched_at: i64,
    /// Until when the user has muted it, Unix seconds, which may be over.
    pub muted_until: Option<i64>,
    /// The last message that the user can see: no event, and not deleted.
    pub last: Option<StoredMessage>,
}

/// Where a stream stands for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The lowest seq that is stored and visible; where nothing is, `head` + 1.
    pub oldest: Seq,
    /// As in [`HistoryPage`], and in the user's list.
    pub head: Seq,
    /// The commit number of the last message or event there (as [`ConversationSummary::touched_at`]), also where it is gone: orders
    /// streams by when they were touched.
    pub touched: CommitNumber,
}

/// What a user chose for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Others learn how far this user has read.
    pub receipts: bool,
    /// Others learn when this user is online.
    pub visible: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self { receipts: true, visible: true }
    }
}

/// What an erasure did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Messages and events that are gone.
    pub messages: u64,
    /// Whether there is more to erase.
    pub more: bool,
}
