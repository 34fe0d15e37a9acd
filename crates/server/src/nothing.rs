//! The ports of a server that was given none (`--store none`): nothing outlives the process. Groups and sign-outs are held
//! in memory, messages are not held at all.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, VecDeque},
    convert::Infallible,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use futures_util::{FutureExt, future};
use smallvec::SmallVec;
use tidings_engine::{
    act::{Act, BodyHash, CommitNumber, Membership, Op, Outcome, Receipt, Require, Row, Settled, Value},
    ports::{
        ActQueue, Before, BoxFuture, CommitSink, ConversationPage, Groups, HistoryPage, KeyRecord, MessageStore, Page,
        Reader, Revocations, ServiceKeys, Session, SessionResolver, Start, StoreError, StoredMessage, Taken,
    },
};
use tidings_wire::{Code, ConversationKey, GroupId, Key, Reject, UserId};

/// Stores nothing.
pub(crate) struct Nothing(Arc<Shared>);

/// Acts that wait for the thread. One more stays with its submitter, who is told when there is room.
const QUEUE: usize = 1_024;

/// Acts that are answered together.
const BATCH: usize = 256;

/// Memberships, and sign-outs, that are held. One more is refused with `unavailable`.
const HELD: usize = 1_000_000;

struct Shared {
    queue: ActQueue<Infallible>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    thread: Option<thread::JoinHandle<()>>,
    members: HashMap<GroupId, BTreeSet<UserId>>,
    memberships: usize,
    revoked: HashMap<UserId, i64>,
}

impl Nothing {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { queue: ActQueue::new(QUEUE, 1), held: Mutex::default() }))
    }
}

impl MessageStore for Nothing {
    /// The thread only answers, so that an outcome never comes from within `submit`.
    fn start(&self, sink: Arc<dyn CommitSink>) -> Result<Start, StoreError> {
        let shared = self.0.clone();
        let thread = thread::Builder::new().name("tidings-nothing".into()).spawn(move || answer(&shared, &*sink));
        self.0.held().thread = Some(thread.map_err(|error| StoreError::Unavailable(error.into()))?);
        let epoch = format!("{:016x}", rand::random::<u64>());
        Ok(Start { epoch: epoch.into(), node: 0, last_commit: CommitNumber(0), last_id: None })
    }

    fn submit(&self, acts: &mut VecDeque<Act>) -> bool {
        self.0.queue.submit(acts)
    }

    fn since(&self, _: CommitNumber, _: u32) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        future::ready(Ok(Vec::new())).boxed()
    }

    fn query(&self, _: Cow<'static, str>, _: Vec<Value>) -> BoxFuture<Result<Vec<Row>, StoreError>> {
        future::ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn keyed(&self, _: UserId, _: Key) -> BoxFuture<Result<Option<(Receipt, BodyHash)>, StoreError>> {
        future::ready(Ok(None)).boxed()
    }

    fn history(&self, _: ConversationKey, _: Reader, _: Page) -> BoxFuture<Result<Option<HistoryPage>, StoreError>> {
        future::ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn conversations(&self, _: UserId, _: Option<Before>, _: u32) -> BoxFuture<Result<ConversationPage, StoreError>> {
        future::ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn runs_sql(&self) -> bool {
        false
    }

    fn health(&self) -> Option<String> {
        None
    }

    fn stop(&self) {
        self.0.queue.close();
        let thread = self.0.held().thread.take();
        if let Some(Err(panic)) = thread.map(thread::JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Groups for Nothing {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let held = self.0.held();
        let above = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let page = held.members.get(&of).map(|members| members.range(above).copied().take(limit as usize).collect());
        future::ready(Ok(page.unwrap_or_default())).boxed()
    }

    fn own(&self) -> bool {
        true
    }
}

impl SessionResolver for Nothing {
    fn resolve(&self, _: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        future::ready(Ok(None)).boxed()
    }
}

impl ServiceKeys for Nothing {
    fn insert(&self, _: KeyRecord) -> BoxFuture<Result<bool, StoreError>> {
        future::ready(Err(StoreError::NotEnabled)).boxed()
    }

    fn find(&self, _: [u8; 32]) -> BoxFuture<Result<Option<KeyRecord>, StoreError>> {
        future::ready(Ok(None)).boxed()
    }

    fn list(&self) -> BoxFuture<Result<Vec<KeyRecord>, StoreError>> {
        future::ready(Ok(Vec::new())).boxed()
    }

    fn revoke(&self, _: String) -> BoxFuture<Result<bool, StoreError>> {
        future::ready(Ok(false)).boxed()
    }

    fn used(&self, _: String, _: i64) -> BoxFuture<Result<(), StoreError>> {
        future::ready(Ok(())).boxed()
    }
}

impl Revocations for Nothing {
    fn revoke(&self, user: UserId, issued_until: i64) -> BoxFuture<Result<(), StoreError>> {
        let mut held = self.0.held();
        let room = held.revoked.len() < HELD || held.revoked.contains_key(&user);
        if room {
            let until = held.revoked.entry(user).or_insert(issued_until);
            *until = issued_until.max(*until);
        }
        future::ready(if room { Ok(()) } else { Err(StoreError::Full) }).boxed()
    }

    fn revoked_until(&self, user: UserId) -> BoxFuture<Result<Option<i64>, StoreError>> {
        future::ready(Ok(self.0.held().revoked.get(&user).copied())).boxed()
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers acts in their order until the store is stopped.
fn answer(shared: &Shared, sink: &dyn CommitSink) {
    while let Taken::Acts(acts) = shared.queue.take(BATCH, None) {
        let mut held = shared.held();
        let settled = acts.into_iter().map(|act| Settled { outcome: held.settle(&act), commit: None, act }).collect();
        drop(held);
        sink.settled(settled);
        if shared.queue.owes_room() {
            sink.room();
        }
    }
}

impl Held {
    fn settle(&mut self, act: &Act) -> Outcome {
        let keeps = act.ops.iter().any(|op| !matches!(op, Op::Join(..) | Op::Leave(..)));
        if keeps {
            return Outcome::Refused(Reject::new(Code::NotEnabled, "this deployment keeps nothing (--store none)"));
        }
        let member = |group, user| self.members.get(&group).is_some_and(|members| members.contains(&user));
        let missing = |require: &Require| match *require {
            Require::Member(group, user) => !member(group, user),
            _ => true,
        };
        if act.require.iter().any(missing) {
            return Outcome::Refused(Reject::not_a_member());
        }
        if self.memberships + act.ops.len() > HELD {
            return Outcome::Unavailable(std::time::Duration::from_secs(60));
        }
        let membership: SmallVec<[Membership; 1]> = act.ops.iter().filter_map(|op| self.change(op)).collect();
        Outcome::Stored { receipts: SmallVec::new(), rows: Vec::new(), membership }
    }

    /// The membership that changed, if one did.
    fn change(&mut self, op: &Op) -> Option<Membership> {
        match *op {
            Op::Join(group, user) if self.members.entry(group).or_default().insert(user) => {
                self.memberships += 1;
                Some(Membership { group, user, joined: true, head: 0 })
            }
            Op::Leave(group, user) if self.members.get_mut(&group).is_some_and(|members| members.remove(&user)) => {
                self.memberships -= 1;
                if self.members.get(&group).is_some_and(BTreeSet::is_empty) {
                    self.members.remove(&group);
                }
                Some(Membership { group, user, joined: false, head: 0 })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use smallvec::smallvec;
    use tidings_engine::act::Origin;

    use super::*;

    struct Sink(SyncSender<Outcome>);

    impl CommitSink for Sink {
        fn settled(&self, batch: Vec<Settled>) {
            batch.into_iter().for_each(|settled| self.0.send(settled.outcome).unwrap());
        }

        fn room(&self) {}
    }

    fn started() -> (Nothing, Receiver<Outcome>) {
        let (sender, receiver) = sync_channel(8);
        let store = Nothing::new();
        store.start(Arc::new(Sink(sender))).unwrap();
        (store, receiver)
    }

    fn act(op: Op) -> VecDeque<Act> {
        let act = Act {
            origin: Origin::Nobody,
            sender: None,
            key: None,
            require: smallvec![],
            ops: smallvec![op],
            project: None,
        };
        [act].into()
    }

    #[test]
    fn members_join_and_leave_in_memory() {
        let (store, outcomes) = started();
        let (group, ann) = (GroupId::new(5), UserId::new(1));
        let settled = |op| {
            assert!(store.submit(&mut act(op)));
            let Outcome::Stored { membership, .. } = outcomes.recv().unwrap() else { panic!("refused") };
            (membership.len(), store.members(group, None, 10).now_or_never().unwrap().unwrap())
        };
        assert_eq!(settled(Op::Join(group, ann)), (1, vec![ann]));
        assert_eq!(settled(Op::Join(group, ann)), (0, vec![ann]), "joining twice changes nothing");
        assert_eq!(settled(Op::Leave(group, ann)), (1, vec![]));
        store.stop();
    }

    #[test]
    fn a_sign_out_is_remembered_and_never_moves_back() {
        let (nothing, ann) = (Nothing::new(), UserId::new(1));
        for until in [50, 40] {
            Revocations::revoke(&nothing, ann, until).now_or_never().unwrap().unwrap();
        }
        assert_eq!(nothing.revoked_until(ann).now_or_never().unwrap().unwrap(), Some(50));
    }
}
