//! Inboxes in memory, whose readings a test may hold, and whose changes it tells when it likes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use serde_json::{Map, json};
use tidings_engine::{
    Notifications,
    ports::{
        BoxFuture, Inbox, InboxChange, InboxChanges, InboxFilter, InboxMarked, InboxPageAsked, MarkedRows, StoreError,
    },
};
use tidings_wire::{
    MessageId, Reject, Seq, UserId,
    server_frames::{Frame, InboxHead, InboxPage, InboxState, Notification, RowState},
};

use crate::Hold;

/// Everybody's inboxes. Cheap to clone; all clones are the same.
///
/// Nobody is told of a change by itself: what is to be told waits in [`take_untold`](MemoryInbox::take_untold), so that a test
/// decides what happens in between.
///
/// ```
/// # use serde_json::json;
/// # use tidings_testkit::memory::MemoryInbox;
/// # use tidings_wire::UserId;
/// let inbox = MemoryInbox::default();
/// let world = tidings_testkit::world().notifications(inbox.notifications()).start();
/// let ann = world.v1(UserId::new(1), &json!({"type": "hello"}));
/// assert_eq!(ann.expects_json()["inbox"], json!({"head": 0, "unseen": 0, "unread": 0}));
/// assert_eq!(ann.expects_json()["type"], "resumed");
///
/// inbox.puts(ann.user(), "Bob liked your post");
/// world.backend().tells_all(&inbox);
/// assert_eq!(ann.expects_json()["message"], "Bob liked your post");
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryInbox(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    users: BTreeMap<UserId, Rows>,
    last_id: i64,
    heads: Hold,
    changes: Hold,
    /// Readings of changes that pass though they are held.
    passes: usize,
    untold: VecDeque<(UserId, InboxChange)>,
    changed: Vec<(UserId, Seq)>,
}

/// One user's inbox.
#[derive(Debug, Default)]
struct Rows {
    head: Seq,
    rows: BTreeMap<MessageId, Row>,
    /// Each a change of its own, of all rows up to a seq.
    marks: Vec<(Seq, RowState, Seq)>,
}

#[derive(Clone, Debug)]
struct Row {
    seq: Seq,
    message: String,
    count: u64,
    /// As of its last change: marks up to a seq are not in it.
    state: RowState,
    removed: bool,
}

const POISONED: &str = "nothing panics while it holds the inboxes";

impl MemoryInbox {
    /// What a world is to be given.
    pub fn notifications(&self) -> Notifications {
        Notifications { inbox: Some(Arc::new(self.clone())), notices: None }
    }

    /// A new row.
    pub fn puts(&self, user: UserId, message: &str) -> MessageId {
        let mut state = self.state();
        state.last_id += 1;
        let id = MessageId::from_stored(state.last_id).expect("a count is an id");
        let row = Row { seq: 0, message: message.to_owned(), count: 0, state: RowState::Unseen, removed: false };
        state.users.entry(user).or_default().rows.insert(id, row);
        state.changes(user, id, |row| row.count += 1);
        id
    }

    /// A row grows: it is unseen again.
    pub fn grows(&self, user: UserId, id: MessageId) {
        self.state().changes(user, id, |row| (row.count, row.state) = (row.count + 1, RowState::Unseen));
    }

    /// A number is taken, and nothing changes.
    pub fn skips(&self, user: UserId) {
        self.state().users.entry(user).or_default().head += 1;
    }

    /// A row is gone.
    pub fn removes(&self, user: UserId, id: MessageId) {
        self.state().changes(user, id, |row| row.removed = true);
    }

    /// Marks rows, as a connection's `inbox_mark` does.
    pub fn marks(&self, user: UserId, mark: InboxMarked) {
        let mut state = self.state();
        match mark.rows {
            MarkedRows::UpTo(up_to) => state.marks_up_to(user, mark.state, up_to),
            MarkedRows::Ids(ids) => {
                ids.into_iter().for_each(|id| state.changes(user, id, |row| row.state = row.state.max(mark.state)));
            }
        }
    }

    /// The rows that there are, by their ids, with the last change and the state of each.
    pub fn rows(&self, user: UserId) -> BTreeMap<MessageId, (Seq, RowState)> {
        let state = self.state();
        let Some(rows) = state.users.get(&user) else { return BTreeMap::new() };
        let here = rows.rows.iter().filter(|(_, row)| !row.removed);
        here.map(|(&id, row)| (id, (row.seq, rows.state_of(row)))).collect()
    }

    /// What changed and nobody was told of, in order.
    pub fn take_untold(&self) -> VecDeque<(UserId, InboxChange)> {
        std::mem::take(&mut self.state().untold)
    }

    /// Of which changes the engine said that they are committed.
    pub fn take_changed(&self) -> Vec<(UserId, Seq)> {
        std::mem::take(&mut self.state().changed)
    }

    /// What becomes of questions where an inbox stands from now on, those under way too. The world goes on with its next call.
    pub fn holds_heads(&self, hold: Hold) {
        self.state().heads = hold;
    }

    /// What becomes of questions what changed from now on, those under way too. The world goes on with its next call.
    pub fn holds_changes(&self, hold: Hold) {
        let mut state = self.state();
        (state.changes, state.passes) = (hold, 0);
    }

    /// So many of the questions what changed pass though they are held.
    pub fn lets_pass(&self, readings: usize) {
        self.state().passes = readings;
    }

    /// A reading, held before and after as the test says. Whoever polls it polls again in each round.
    fn reading<T: Send + 'static>(
        &self,
        held: impl Fn(&mut State, Hold) -> Poll<Result<(), StoreError>> + Copy + Send + 'static,
        read: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        let inbox = self.clone();
        let held = |by: Hold| {
            let inbox = inbox.clone();
            std::future::poll_fn(move |_| held(&mut inbox.state(), by))
        };
        let (before, after) = (held(Hold::Readings), held(Hold::Answers));
        Box::pin(async move {
            before.await?;
            let answer = read(&mut inbox.state());
            after.await?;
            Ok(answer)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect(POISONED)
    }
}

impl State {
    /// A row changes, if there is such a one.
    fn changes(&mut self, user: UserId, id: MessageId, change: impl FnOnce(&mut Row)) {
        let rows = self.users.entry(user).or_default();
        let Some(before) = rows.rows.get(&id).filter(|row| !row.removed) else { return };
        let mut row = Row { state: rows.state_of(before), ..before.clone() };
        change(&mut row);
        rows.head += 1;
        row.seq = rows.head;
        rows.rows.insert(id, row);
        self.untold.push_back((user, self.users[&user].change_of(id)));
    }

    fn marks_up_to(&mut self, user: UserId, state: RowState, up_to: Seq) {
        let rows = self.users.entry(user).or_default();
        rows.head += 1;
        rows.marks.push((rows.head, state, up_to.min(rows.head - 1)));
        let mark = *rows.marks.last().expect("it was pushed");
        self.untold.push_back((user, rows.change_of_mark(mark)));
    }
}

impl Rows {
    fn state_of(&self, row: &Row) -> RowState {
        let marks = self.marks.iter().filter(|(_, _, up_to)| row.seq <= *up_to);
        marks.map(|(_, state, _)| *state).max().unwrap_or_default().max(row.state)
    }

    fn count_below(&self, state: RowState) -> u64 {
        self.rows.values().filter(|row| !row.removed && self.state_of(row) < state).count() as u64
    }

    fn stands(&self) -> InboxHead {
        InboxHead {
            head: self.head,
            unseen: self.count_below(RowState::Seen),
            unread: self.count_below(RowState::Read),
        }
    }

    fn notification(&self, id: MessageId) -> Notification {
        let row = &self.rows[&id];
        Notification {
            seq: row.seq,
            id,
            subtype: "test".to_owned(),
            message: row.message.clone(),
            actor: None,
            actors: Vec::new(),
            count: row.count,
            events: row.count,
            data: Map::new(),
            group: None,
            timestamp: 0,
            state: self.state_of(row),
            removed: row.removed,
            request: false,
            unread: None,
            unseen: None,
            replayed: false,
        }
    }

    fn change_of(&self, id: MessageId) -> InboxChange {
        let InboxHead { unseen, unread, .. } = self.stands();
        let row = Notification { unread: Some(unread), unseen: Some(unseen), ..self.notification(id) };
        // The guide's dialect hears what is new.
        let is_new = row.state == RowState::Unseen && !row.removed;
        let guide =
            json!({"type": "notification", "subtype": row.subtype, "message": row.message, "data": {}, "timestamp": 0});
        let guide = is_new.then(|| guide.to_string().into());
        InboxChange { seq: row.seq, json: row.to_json().into(), guide }
    }

    fn change_of_mark(&self, (seq, state, up_to): (Seq, RowState, Seq)) -> InboxChange {
        let InboxHead { unseen, unread, .. } = self.stands();
        let mark = InboxState { seq, state, up_to, unread, unseen, replayed: false };
        InboxChange { seq, json: mark.to_json().into(), guide: None }
    }

    fn after(&self, after: Seq, limit: u32) -> InboxChanges {
        let rows = self.rows.iter().filter(|(_, row)| row.seq > after).map(|(&id, _)| self.change_of(id));
        let marks = self.marks.iter().filter(|(seq, ..)| *seq > after).map(|&mark| self.change_of_mark(mark));
        let mut changes: Vec<_> = rows.chain(marks).collect();
        changes.sort_by_key(|change| change.seq);
        let more = changes.len() > limit as usize;
        changes.truncate(limit as usize);
        InboxChanges { changes, more, head: self.head, forgotten: false }
    }

    fn page(&self, asked: InboxPageAsked) -> InboxPage {
        let InboxPageAsked { before, limit, filter } = asked;
        let wanted = |row: &Row| match filter {
            InboxFilter::All => self.state_of(row) < RowState::Archived,
            InboxFilter::Unread => self.state_of(row) < RowState::Read,
            InboxFilter::Archived => self.state_of(row) == RowState::Archived,
            InboxFilter::Requests => false,
        };
        let rows = self.rows.iter().filter(|(_, row)| !row.removed && wanted(row));
        let mut found: Vec<_> =
            rows.filter(|(_, row)| before.is_none_or(|before| row.seq < before)).map(|(id, _)| *id).collect();
        found.sort_by_key(|id| std::cmp::Reverse(self.rows[id].seq));
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let InboxHead { unseen, unread, .. } = self.stands();
        let notifications = found.into_iter().map(|id| self.notification(id)).collect();
        InboxPage { reference: None, notifications, unread, unseen, more }
    }
}

impl Hold {
    /// Whether what passes one of these points is held there.
    fn held(self, by: Self) -> Poll<Result<(), StoreError>> {
        match self {
            Self::Refused => Poll::Ready(Err(StoreError::Unavailable("the test says so".into()))),
            hold if hold == by => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl Inbox for MemoryInbox {
    fn head(&self, user: UserId) -> BoxFuture<Result<InboxHead, StoreError>> {
        self.reading(|state, by| state.heads.held(by), move |state| state.users.entry(user).or_default().stands())
    }

    fn after(&self, user: UserId, after: Seq, limit: u32) -> BoxFuture<Result<InboxChanges, StoreError>> {
        let held = |state: &mut State, by| {
            let held = state.changes.held(by);
            let passes = held.is_pending() && state.passes > 0;
            state.passes -= usize::from(passes);
            if passes { Poll::Ready(Ok(())) } else { held }
        };
        self.reading(held, move |state| state.users.entry(user).or_default().after(after, limit))
    }

    fn page(&self, user: UserId, asked: InboxPageAsked) -> BoxFuture<Result<InboxPage, Reject>> {
        let page = self.state().users.entry(user).or_default().page(asked);
        Box::pin(std::future::ready(Ok(page)))
    }

    fn mark(&self, user: UserId, mark: InboxMarked) -> BoxFuture<Result<(), Reject>> {
        self.marks(user, mark);
        Box::pin(std::future::ready(Ok(())))
    }

    fn changed(&self, user: UserId, seq: Seq) {
        self.state().changed.push((user, seq));
    }
}
