//! The store: what is committed, what of it was synced, and the mistakes that a store can make.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tidings_engine::{
    act::{Act, BodyHash, CommitNumber, First, Outcome, Receipt, Row, Settled, Value},
    clock::SharedClock,
    ports::{
        Before, BoxFuture, Choices, CommitSink, ConversationPage, ConversationSummary, Erased, Groups, HistoryPage,
        Line, MessageStore, Page, Reader, Standing, Start, StoreError, StoredMessage,
    },
};
use tidings_testkit::memory::{MemoryStore, Snapshot};
use tidings_wire::{ConversationKey, GroupId, Key, Seq, UserId};

/// A mistake of the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Commits are told of before they are synced: a crash loses some.
    AcknowledgeBeforeSync,
    /// A seq is told a second time.
    ReuseSeq,
    /// A backup that is put back keeps its epoch.
    ForgetEpoch,
    /// A repeat is stored again.
    ForgetKey,
    /// A page leaves a message out.
    HoleInPage,
    /// A reading sees less than was told before it.
    StaleReading,
}

const POISONED: &str = "nothing panics while it holds this lock";

/// A store in memory, with a disk below it.
pub(crate) struct Disk {
    memory: Arc<MemoryStore>,
    flaw: Option<Flaw>,
    synced: Arc<Mutex<Synced>>,
    clock: SharedClock,
}

#[derive(Default)]
struct Synced {
    snapshot: Snapshot,
    commits: u64,
    /// What was stored one batch ago, for readings that see too little.
    before: Option<Snapshot>,
}

/// Syncs, then tells.
struct Syncing {
    sink: Arc<dyn CommitSink>,
    memory: Arc<MemoryStore>,
    synced: Arc<Mutex<Synced>>,
    flaw: Option<Flaw>,
}

impl CommitSink for Syncing {
    fn settled(&self, mut batch: Vec<Settled>) {
        let mut synced = self.synced.lock().expect(POISONED);
        synced.commits += 1;
        let late = self.flaw == Some(Flaw::AcknowledgeBeforeSync) && !synced.commits.is_multiple_of(4);
        if !late {
            synced.before = Some(std::mem::take(&mut synced.snapshot));
            synced.snapshot = self.memory.snapshot();
        }
        let reuses = self.flaw == Some(Flaw::ReuseSeq) && synced.commits.is_multiple_of(5);
        drop(synced);
        for settled in &mut batch {
            if let Outcome::Stored { receipts, .. } = &mut settled.outcome
                && let Some(receipt) = receipts.first_mut().filter(|receipt| reuses && receipt.seq > 1)
            {
                receipt.seq -= 1;
            }
        }
        self.sink.settled(batch);
    }

    fn room(&self) {
        self.sink.room();
    }
}

impl Disk {
    pub(crate) fn new(clock: SharedClock, flaw: Option<Flaw>) -> Self {
        Self::on(&Snapshot::default(), None, clock, flaw)
    }

    fn on(snapshot: &Snapshot, epoch: Option<&str>, clock: SharedClock, flaw: Option<Flaw>) -> Self {
        let memory = Arc::new(MemoryStore::begin_with(snapshot, epoch, clock.clone()));
        let synced = Synced { snapshot: memory.snapshot(), ..Synced::default() };
        Self { memory, flaw, synced: Arc::new(Mutex::new(synced)), clock }
    }

    /// The process dies: what was not synced is gone.
    pub(crate) fn crash(&self) -> Self {
        Self::on(&self.backup(), None, self.clock.clone(), self.flaw)
    }

    /// What a backup has that is made now.
    pub(crate) fn backup(&self) -> Snapshot {
        self.synced.lock().expect(POISONED).snapshot.clone()
    }

    /// A backup is put back in this one's place.
    pub(crate) fn put_back(&self, backup: &Snapshot, epoch: &str) -> Self {
        let epoch = Some(epoch).filter(|_| self.flaw != Some(Flaw::ForgetEpoch));
        Self::on(backup, epoch, self.clock.clone(), self.flaw)
    }

    /// What readings see.
    fn readable(&self) -> Arc<MemoryStore> {
        let synced = self.synced.lock().expect(POISONED);
        match synced.before.as_ref().filter(|_| self.flaw == Some(Flaw::StaleReading)) {
            Some(before) => Arc::new(MemoryStore::begin_with(before, None, self.clock.clone())),
            None => self.memory.clone(),
        }
    }
}

impl MessageStore for Disk {
    fn start(&self, sink: Arc<dyn CommitSink>) -> Result<Start, StoreError> {
        let (memory, synced) = (self.memory.clone(), self.synced.clone());
        self.memory.start(Arc::new(Syncing { sink, memory, synced, flaw: self.flaw }))
    }

    fn submit(&self, acts: &mut VecDeque<Act>) -> bool {
        if self.flaw == Some(Flaw::ForgetKey) {
            acts.iter_mut().for_each(|act| act.key = None);
        }
        self.memory.submit(acts)
    }

    fn since(
        &self,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        self.memory.since(after, limit)
    }

    fn query(&self, sql: Cow<'static, str>, values: Vec<Value>) -> BoxFuture<Result<Vec<Row>, StoreError>> {
        self.memory.query(sql, values)
    }

    fn keyed(&self, sender: UserId, key: Key) -> BoxFuture<Result<Option<(Receipt, BodyHash)>, StoreError>> {
        self.memory.keyed(sender, key)
    }

    fn requested(&self, by: Option<UserId>, key: Key) -> BoxFuture<Result<Option<(First, BodyHash)>, StoreError>> {
        self.memory.requested(by, key)
    }

    fn history(
        &self,
        of: ConversationKey,
        reader: Reader,
        page: Page,
    ) -> BoxFuture<Result<Option<HistoryPage>, StoreError>> {
        let read = self.readable().history(of, reader, page);
        if self.flaw != Some(Flaw::HoleInPage) {
            return read;
        }
        Box::pin(async move {
            let mut page = read.await?;
            if let Some(page) = page.as_mut().filter(|page| page.lines.len() > 2) {
                page.lines.remove(1);
            }
            Ok(page)
        })
    }

    fn conversations(
        &self,
        of: UserId,
        before: Option<Before>,
        limit: u32,
    ) -> BoxFuture<Result<ConversationPage, StoreError>> {
        self.readable().conversations(of, before, limit)
    }

    fn message(
        &self,
        of: ConversationKey,
        seq: Seq,
        reader: Reader,
    ) -> BoxFuture<Result<Option<StoredMessage>, StoreError>> {
        self.memory.message(of, seq, reader)
    }

    fn standings(
        &self,
        of: UserId,
        streams: Vec<ConversationKey>,
    ) -> BoxFuture<Result<Vec<Option<Standing>>, StoreError>> {
        self.readable().standings(of, streams)
    }

    fn conversation(
        &self,
        of: UserId,
        key: ConversationKey,
    ) -> BoxFuture<Result<Option<ConversationSummary>, StoreError>> {
        self.memory.conversation(of, key)
    }

    fn last_seen(&self, of: Vec<UserId>) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        self.memory.last_seen(of)
    }

    fn acquainted(&self, asker: UserId, others: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.memory.acquainted(asker, others)
    }

    fn choices(&self, of: UserId) -> BoxFuture<Result<Choices, StoreError>> {
        self.memory.choices(of)
    }

    fn choose(&self, of: UserId, choices: Choices) -> BoxFuture<Result<(), StoreError>> {
        self.memory.choose(of, choices)
    }

    fn mute(
        &self,
        of: UserId,
        conversation: ConversationKey,
        until: Option<i64>,
    ) -> BoxFuture<Result<bool, StoreError>> {
        self.memory.mute(of, conversation, until)
    }

    fn erase(&self, user: UserId) -> BoxFuture<Result<Erased, StoreError>> {
        self.memory.erase(user)
    }

    fn written_by(
        &self,
        user: UserId,
        after: CommitNumber,
        limit: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        self.memory.written_by(user, after, limit)
    }

    fn groups_of(
        &self,
        user: UserId,
        after: Option<GroupId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<GroupId>, StoreError>> {
        self.memory.groups_of(user, after, limit)
    }

    fn prune(&self, kind: &str, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        self.memory.prune(kind, before_ms, limit)
    }

    fn forget_requests(&self, before_ms: i64, limit: u32) -> BoxFuture<Result<u64, StoreError>> {
        self.memory.forget_requests(before_ms, limit)
    }

    fn runs_sql(&self) -> bool {
        false
    }

    fn health(&self) -> Option<String> {
        None
    }

    fn stop(&self) {
        self.memory.stop();
    }
}

impl Groups for Disk {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.memory.members(of, after, limit)
    }

    fn own(&self) -> bool {
        true
    }
}

/// What the store says at a seq, in one word: comparable with what a client saw.
pub(crate) fn lines(page: &HistoryPage) -> Vec<(Seq, String)> {
    let mut lines = Vec::new();
    for line in &page.lines {
        match line {
            Line::Skip { from, to } => lines.extend((*from..=*to).map(|seq| (seq, "skip".to_owned()))),
            Line::Message(message) => lines.push((message.seq, said(message))),
        }
    }
    lines
}

fn said(message: &StoredMessage) -> String {
    use tidings_engine::ports::Event;
    match message.event {
        Some(Event::Edited(of)) => format!("edited {of}"),
        Some(Event::Deleted(of)) => format!("deleted {of}"),
        None => format!("message {}", message.id),
    }
}
