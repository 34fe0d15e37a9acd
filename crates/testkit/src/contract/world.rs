//! A store at work, as the suites use it.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};
use tidings_engine::{
    act::{Act, BodyHash, Change, Entry, Op, Origin, Outcome, Receipt, Require, Settled},
    ports::{
        Before, CommitSink, ConversationPage, HistoryPage, Line, MessageStore, Page, Reader, Start, StoreError,
        StoredMessage,
    },
};
use tidings_wire::{Code, ConversationKey, GroupId, Key, MessageId, Seq, UserId};

use super::stores::{Opened, Stores};

/// How long a store may take for anything. A test that comes here has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Events that the store may be ahead of the test by.
const EVENTS: usize = 65_536;

/// An open store with a sink that hands its events to the test.
pub struct World {
    /// Its ports.
    pub opened: Opened,
    /// What it said at its start.
    pub start: Start,
    told: Receiver<Event>,
    settled: RefCell<VecDeque<Settled>>,
    rooms: Cell<usize>,
    next_id: Cell<i64>,
}

/// A key with the hash of the body that it stands for.
pub type Keyed = (Key, BodyHash);

enum Event {
    Settled(Vec<Settled>),
    Room,
}

struct Tell(SyncSender<Event>);

impl CommitSink for Tell {
    fn settled(&self, batch: Vec<Settled>) {
        // The test has ended.
        let _ = self.0.send(Event::Settled(batch));
    }

    fn room(&self) {
        let _ = self.0.send(Event::Room);
    }
}

/// Waits for a port's answer.
///
/// # Panics
/// Where the port fails.
pub fn wait<T>(answer: impl Future<Output = Result<T, StoreError>>) -> T {
    try_wait(answer).expect("the port answers")
}

/// Waits for a port's answer, whatever it is.
pub(super) fn try_wait<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers is memory");
    runtime.block_on(answer)
}

/// An act of a user with these operations.
pub fn act(sender: Option<UserId>, ops: impl IntoIterator<Item = Op>) -> Act {
    Act {
        origin: Origin::Nobody,
        sender,
        key: None,
        require: SmallVec::new(),
        ops: ops.into_iter().collect(),
        project: None,
    }
}

impl World {
    /// Opens and starts a store.
    pub fn open(stores: &dyn Stores) -> Self {
        Self::with_queue(stores, 4_096)
    }

    /// Opens and starts a store with room for so many waiting acts.
    pub fn with_queue(stores: &dyn Stores, queue_acts: usize) -> Self {
        let opened = stores.open(queue_acts);
        let (tell, told) = sync_channel(EVENTS);
        let start = opened.messages.start(Arc::new(Tell(tell))).expect("the store starts");
        let next_id = Cell::new(start.last_id.map_or(1, |last| last.get() + 1));
        Self { opened, start, told, settled: RefCell::default(), rooms: Cell::new(0), next_id }
    }

    /// The store of messages.
    pub fn store(&self) -> &dyn MessageStore {
        &*self.opened.messages
    }

    /// A message for a conversation, with an id above all before. Its time is its id, in seconds.
    pub fn entry(&self, conversation: ConversationKey, body: impl Into<Bytes>) -> Entry {
        let id = self.next_id.replace(self.next_id.get() + 1);
        Entry {
            conversation,
            id: MessageId::from_stored(id).expect("ids of tests are not negative"),
            kind: "private",
            version: 1,
            body: body.into(),
            created_at_ms: id * 1_000,
            withheld: None,
        }
    }

    /// An act that sends a message.
    pub fn message(&self, from: UserId, conversation: ConversationKey) -> Act {
        act(Some(from), [Op::Message(self.entry(conversation, r#"{"content":"hi"}"#))])
    }

    /// An act that sends a message under a key.
    pub fn keyed(&self, from: UserId, conversation: ConversationKey, (key, hash): (&str, u8)) -> Act {
        let key = key.parse().expect("keys of tests are keys");
        Act { key: Some((key, [hash; 16])), ..self.message(from, conversation) }
    }

    /// An act that sends to a group, as a member.
    pub fn to_group(&self, from: UserId, group: GroupId) -> Act {
        let require = smallvec![Require::Member(group, from)];
        Act { require, ..self.message(from, ConversationKey::Group(group)) }
    }

    /// Submits all, waiting for room where there is none.
    pub fn submit(&self, acts: impl IntoIterator<Item = Act>) {
        let mut acts: VecDeque<_> = acts.into_iter().collect();
        while !self.store().submit(&mut acts) {
            self.wait_for_room();
        }
    }

    /// The next act that was settled.
    pub fn next(&self) -> Settled {
        loop {
            if let Some(settled) = self.settled.borrow_mut().pop_front() {
                return settled;
            }
            self.take_event();
        }
    }

    /// Submits one act and waits for what comes of it.
    pub fn settle(&self, act: Act) -> Settled {
        self.submit([act]);
        self.next()
    }

    /// Submits all at once and waits for what comes of each.
    pub fn settle_all(&self, acts: impl IntoIterator<Item = Act>) -> Vec<Outcome> {
        let acts: Vec<_> = acts.into_iter().collect();
        let count = acts.len();
        self.submit(acts);
        (0..count).map(|_| self.next().outcome).collect()
    }

    /// Submits one act that stores one message, and returns where it stands.
    pub fn stored(&self, act: Act) -> Receipt {
        receipt(&self.settle(act).outcome)
    }

    /// Sends between two users.
    pub fn send(&self, from: u32, to: u32) -> Receipt {
        let [from, to] = [from, to].map(UserId::new);
        self.stored(self.message(from, ConversationKey::dm(from, to)))
    }

    /// Sends to a user who has blocked the sender.
    pub fn send_blocked(&self, from: u32, to: u32) -> Receipt {
        let [from, to] = [from, to].map(UserId::new);
        let entry = Entry { withheld: Some(to), ..self.entry(ConversationKey::dm(from, to), r#"{"content":"hi"}"#) };
        let settled = self.settle(act(Some(from), [Op::Message(entry)]));
        let receipt = receipt(&settled.outcome);
        assert_eq!(withheld(&settled.outcome), [(receipt.id, to)]);
        receipt
    }

    /// Sends to a group as a member of it.
    pub fn send_to(&self, group: GroupId, from: u32) -> Receipt {
        self.stored(self.to_group(UserId::new(from), group))
    }

    /// Makes a user a member, and returns the group's head; none where nothing changed.
    pub fn join(&self, group: GroupId, user: u32) -> Option<u64> {
        self.membership(Op::Join(group, UserId::new(user)), true)
    }

    /// Makes a user no member, and returns the group's head; none where nothing changed.
    pub fn leave(&self, group: GroupId, user: u32) -> Option<u64> {
        self.membership(Op::Leave(group, UserId::new(user)), false)
    }

    /// What a user sees of a conversation.
    pub fn history(&self, of: ConversationKey, user: u32, page: Page) -> Option<HistoryPage> {
        wait(self.store().history(of, Reader::User(UserId::new(user)), page))
    }

    /// The seqs that a user sees of a conversation; none where it is not theirs to see.
    pub fn seqs(&self, of: ConversationKey, user: u32) -> Option<Vec<u64>> {
        let mut messages = Vec::new();
        let (oldest, head) = loop {
            let after = messages.last().map_or(0, |message: &StoredMessage| message.seq);
            let page = self.history(of, user, Page::after(after, 100))?;
            messages.extend(page.messages().cloned());
            if !page.more {
                break (page.oldest, page.head);
            }
        };
        assert_eq!(messages.first().map(|message| message.seq), Some(oldest));
        assert_eq!(messages.last().map(|message| message.seq), Some(head));
        Some(seqs(&messages))
    }

    /// A page of a user's conversations.
    pub fn list(&self, of: u32, before: Option<Before>, limit: u32) -> ConversationPage {
        let page = wait(self.store().conversations(UserId::new(of), before, limit));
        for listed in &page.conversations {
            let alone = wait(self.store().conversation(UserId::new(of), listed.conversation));
            assert_eq!(alone.as_ref(), Some(listed), "one conversation is as its line of the list");
        }
        page
    }

    /// A change of a message, with an id above all before and that id's time; without a body a deletion.
    pub fn change(&self, conversation: ConversationKey, of: Seq, by: Option<u32>, body: Option<&str>) -> Op {
        let Entry { id, created_at_ms: at_ms, .. } = self.entry(conversation, "{}");
        let body = body.map(|body| (2, body.to_owned().into()));
        Op::Change(Change { conversation, of, by: by.map(UserId::new), id, body, at_ms, withheld: None })
    }

    /// Changes a message, and returns where the event stands.
    pub fn changed(&self, conversation: ConversationKey, of: Seq, by: Option<u32>, body: Option<&str>) -> Receipt {
        self.stored(act(by.map(UserId::new), [self.change(conversation, of, by, body)]))
    }

    /// Moves a user's mark, and returns where it stands now and what is unread; none where it did not move.
    pub fn read(&self, conversation: ConversationKey, user: u32, seq: Seq) -> Option<(Seq, u64)> {
        let user = UserId::new(user);
        let settled = self.settle(act(Some(user), [Op::Read(conversation, user, seq)]));
        let Outcome::Stored { receipts, reads, .. } = &settled.outcome else { panic!("{settled:?}") };
        assert!(receipts.is_empty() && settled.commit.is_none());
        let mark = reads.first()?;
        assert_eq!((mark.conversation, mark.user), (conversation, user));
        Some((mark.seq, mark.unread))
    }

    /// The code with which an act is refused.
    pub fn refused(&self, act: Act) -> Code {
        match self.settle(act).outcome {
            Outcome::Refused(reject) => reject.code,
            other => panic!("it was to be refused: {other:?}"),
        }
    }

    /// What a user sees of a conversation, all of it: seqs of messages and events, and skips.
    pub fn lines(&self, of: ConversationKey, user: u32) -> Vec<Line> {
        self.history(of, user, Page { before: None, after: None, limit: 100 }).expect("it is seen").lines
    }

    /// A user's line of a conversation in their list: (head, read, unread).
    pub fn line(&self, user: u32, of: ConversationKey) -> (Seq, Seq, u64) {
        let page = self.list(user, None, 100);
        let found = page.conversations.iter().find(|summary| summary.conversation == of).expect("it is listed");
        (found.head, found.read, found.unread)
    }

    /// Waits until the store says that there is room.
    pub fn wait_for_room(&self) {
        while self.rooms.get() == 0 {
            self.take_event();
        }
        self.rooms.set(self.rooms.get() - 1);
    }

    fn membership(&self, op: Op, joined: bool) -> Option<u64> {
        let (Op::Join(group, user) | Op::Leave(group, user)) = op else { unreachable!("it is a membership") };
        let Outcome::Stored { membership, receipts, .. } = self.settle(act(None, [op])).outcome else {
            panic!("memberships are stored")
        };
        assert!(receipts.is_empty());
        let told = membership.first()?;
        assert_eq!((told.group, told.user, told.joined), (group, user, joined));
        Some(told.head)
    }

    fn take_event(&self) {
        match self.told.recv_timeout(PATIENCE).expect("the store says something") {
            Event::Settled(batch) => self.settled.borrow_mut().extend(batch),
            Event::Room => self.rooms.set(self.rooms.get() + 1),
        }
    }
}

/// Where the one message of an act stands.
pub(super) fn receipt(outcome: &Outcome) -> Receipt {
    match outcome {
        Outcome::Stored { receipts, .. } if receipts.len() == 1 => receipts[0].clone(),
        other => panic!("one message was to be stored: {other:?}"),
    }
}

/// What of an act is withheld, and from whom.
pub(super) fn withheld(outcome: &Outcome) -> &[(MessageId, UserId)] {
    match outcome {
        Outcome::Stored { withheld, .. } => withheld,
        other => panic!("it was to be stored: {other:?}"),
    }
}

/// Whether an act brought the first message that both of a dm are shown.
pub(super) fn met(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Stored { met, .. } => *met,
        other => panic!("it was to be stored: {other:?}"),
    }
}

/// The seqs of messages.
pub(super) fn seqs(messages: &[StoredMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.seq).collect()
}
