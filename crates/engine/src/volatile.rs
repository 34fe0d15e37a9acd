//! The store of a deployment that keeps nothing: memberships, revocations and rollouts in memory, until the process ends.
//!
//! ```
//! use std::sync::Arc;
//! use tidings_engine::{ports::{Groups, MessageStore}, volatile::VolatileStore};
//!
//! let store = VolatileStore::new("an epoch");
//! assert!(!store.runs_sql() && store.own());
//! # Ok::<(), std::io::Error>(())
//! ```

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Bound,
    sync::{
        Arc, Mutex,
        mpsc::{SyncSender, sync_channel},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::ready};
use smallvec::SmallVec;
use tidings_wire::{Code, ConversationKey, GroupId, Key, Reject, Seq, UserId};

use crate::{
    Rollout,
    abort::on_panic,
    act::{Act, BodyHash, CommitNumber, First, Membership, Op, Outcome, Receipt, Require, Row, Settled, Value},
    ports::{
        ActQueue, Before, BoxFuture, Choices, CommitSink, ConversationPage, ConversationSummary, Erased, Groups,
        HistoryPage, KeyRecord, MessageStore, Page, Reader, Revocations, Rollouts, ServiceKeys, Session,
        SessionResolver, Standing, Start, StoreError, StoredMessage, Taken,
    },
};

/// Acts that may wait. More stay with their submitters, who are told when there is room.
const QUEUE: usize = 4_096;

/// Acts settled at once.
const BATCH: usize = 256;

/// Memberships, and users signed out everywhere, that are remembered. One more is answered `Unavailable` and
/// [`StoreError::Full`].
const REMEMBERED: usize = 10_000_000;

/// When to try again what this store can't take.
const RETRY: Duration = Duration::from_secs(1);

/// What `--store none` runs with: all ports, of which [`MessageStore`] takes joins and leaves only.
///
/// Acts that would keep a message or run SQL are refused with `not_enabled`, and so are reads of what would be kept. There
/// are no service keys and no sessions. Each start has an epoch of its own, so that clients drop what they hold.
pub struct VolatileStore {
    epoch: Arc<str>,
    queue: Arc<ActQueue<SyncSender<()>>>,
    shared: Arc<Shared>,
}

struct Shared {
    /// See [`REMEMBERED`].
    remembered: usize,
    sink: Mutex<Option<Arc<dyn CommitSink>>>,
    memberships: Mutex<Memberships>,
    revoked: Mutex<HashMap<UserId, i64>>,
    rollouts: Mutex<BTreeMap<String, Rollout>>,
}

#[derive(Default)]
struct Memberships {
    groups: HashMap<GroupId, BTreeSet<UserId>>,
    /// The same the other way round.
    users: HashMap<UserId, BTreeSet<GroupId>>,
    count: usize,
}

const POISON: &str = "nothing panics while it holds this lock";

impl VolatileStore {
    /// A store whose history has this name: another one at each start of the program. Its thread begins with
    /// [`MessageStore::start`].
    pub fn new(epoch: impl Into<Arc<str>>) -> Self {
        Self::bounded(epoch.into(), REMEMBERED)
    }

    fn bounded(epoch: Arc<str>, remembered: usize) -> Self {
        let (sink, memberships, revoked) = (Mutex::default(), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { remembered, sink, memberships, revoked, rollouts: Mutex::default() });
        Self { epoch, queue: Arc::new(ActQueue::new(QUEUE, 1_024)), shared }
    }
}

impl Drop for VolatileStore {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn run(queue: &ActQueue<SyncSender<()>>, shared: &Shared) {
    let mut stopped = false;
    loop {
        let taken = queue.take(BATCH, None);
        let sink = shared.sink.lock().expect(POISON).clone();
        if queue.owes_room()
            && let Some(sink) = &sink
        {
            sink.room();
        }
        match taken {
            Taken::Acts(acts) => {
                let outcome = |act: &Act| if stopped { Outcome::Unavailable(RETRY) } else { shared.settle(act) };
                let settled = |act: Act| Settled { commit: None, outcome: outcome(&act), act };
                let batch = acts.into_iter().map(settled).collect();
                if let Some(sink) = sink {
                    sink.settled(batch);
                }
            }
            Taken::Job(done) => {
                stopped = true;
                // Who waits for it may have given up.
                let _ = done.send(());
            }
            Taken::Nothing => {}
            Taken::Closed => return,
        }
    }
}

impl Shared {
    fn settle(&self, act: &Act) -> Outcome {
        let mut memberships = self.memberships.lock().expect(POISON);
        let unmet = |require: &Require| match require {
            Require::Member(group, user) => !memberships.contains(*group, *user),
        };
        if act.require.iter().any(unmet) {
            return Outcome::Refused(Reject::not_a_member());
        }
        let possible = |op: &Op| matches!(op, Op::Join(..) | Op::Leave(..));
        if !act.ops.iter().all(possible) {
            return Outcome::Refused(Reject::new(Code::NotEnabled, "this deployment keeps nothing"));
        }
        // Who leaves makes room, so leaves are taken by a full store too.
        let joins = act.ops.iter().filter(|op| matches!(op, Op::Join(..))).count();
        if joins > 0 && memberships.count + joins > self.remembered {
            return Outcome::Unavailable(RETRY);
        }
        let membership: SmallVec<_> = act.ops.iter().filter_map(|op| memberships.change(op)).collect();
        let (receipts, reads) = (SmallVec::new(), SmallVec::new());
        Outcome::Stored { receipts, rows: Vec::new(), membership, reads, withheld: Vec::new(), met: false }
    }
}

impl Memberships {
    fn contains(&self, group: GroupId, user: UserId) -> bool {
        self.groups.get(&group).is_some_and(|members| members.contains(&user))
    }

    fn change(&mut self, op: &Op) -> Option<Membership> {
        let told = |group, user, joined| Membership { group, user, joined, head: 0 };
        match *op {
            Op::Join(group, user) if self.groups.entry(group).or_default().insert(user) => {
                self.users.entry(user).or_default().insert(group);
                self.count += 1;
                Some(told(group, user, true))
            }
            Op::Leave(group, user) if self.remove(group, user) => {
                self.count -= 1;
                Some(told(group, user, false))
            }
            _ => None,
        }
    }

    fn remove(&mut self, group: GroupId, user: UserId) -> bool {
        let Some(members) = self.groups.get_mut(&group) else { return false };
        let was_member = members.remove(&user);
        if members.is_empty() {
            self.groups.remove(&group);
        }
        if let Some(groups) = self.users.get_mut(&user) {
            groups.remove(&group);
            if groups.is_empty() {
                self.users.remove(&user);
            }
        }
        was_member
    }

    /// The members of each group that the user is in.
    fn groups_of(&self, user: UserId) -> impl Iterator<Item = &BTreeSet<UserId>> {
        self.users.get(&user).into_iter().flatten().filter_map(|group| self.groups.get(group))
    }
}

/// A port's answer that is there at once.
fn now<T: Send + 'static>(result: Result<T, StoreError>) -> BoxFuture<Result<T, StoreError>> {
    ready(result).boxed()
}

impl MessageStore for VolatileStore {
    fn start(&self, sink: Arc<dyn CommitSink>) -> Result<Start, StoreError> {
        let began = self.shared.sink.lock().expect(POISON).replace(sink).is_some();
        if !began {
            let (queue, shared) = (self.queue.clone(), self.shared.clone());
            let thread = std::thread::Builder::new().name("tidings-writer".to_owned());
            let started = thread.spawn(move || on_panic("tidings-writer", || run(&queue, &shared)));
            started.map_err(|error| StoreError::Unavailable(error.into()))?;
        }
        Ok(Start { epoch: self.epoch.clone(), node: 0, last_commit: CommitNumber(0), last_id: None })
    }

    fn submit(&self, acts: &mut VecDeque<Act>) -> bool {
        self.queue.submit(acts)
    }

    fn since(&self, _: CommitNumber, _: u32) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        now(Ok(Vec::new()))
    }

    fn query(&self, _: Cow<'static, str>, _: Vec<Value>) -> BoxFuture<Result<Vec<Row>, StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn keyed(&self, _: UserId, _: Key) -> BoxFuture<Result<Option<(Receipt, BodyHash)>, StoreError>> {
        now(Ok(None))
    }

    fn requested(&self, _: Option<UserId>, _: Key) -> BoxFuture<Result<Option<(First, BodyHash)>, StoreError>> {
        now(Ok(None))
    }

    fn history(&self, _: ConversationKey, _: Reader, _: Page) -> BoxFuture<Result<Option<HistoryPage>, StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn conversations(&self, _: UserId, _: Option<Before>, _: u32) -> BoxFuture<Result<ConversationPage, StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn conversation(
        &self,
        _: UserId,
        _: ConversationKey,
    ) -> BoxFuture<Result<Option<ConversationSummary>, StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn message(&self, _: ConversationKey, _: Seq, _: Reader) -> BoxFuture<Result<Option<StoredMessage>, StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn standings(
        &self,
        _: UserId,
        streams: Vec<ConversationKey>,
    ) -> BoxFuture<Result<Vec<Option<Standing>>, StoreError>> {
        now(Ok(vec![None; streams.len()]))
    }

    fn choices(&self, _: UserId) -> BoxFuture<Result<Choices, StoreError>> {
        now(Ok(Choices::default()))
    }

    fn last_seen(&self, _: Vec<UserId>) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        now(Ok(Vec::new()))
    }

    fn acquainted(&self, of: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let memberships = self.shared.memberships.lock().expect(POISON);
        let own: Vec<_> = memberships.groups_of(of).collect();
        let shares = |user: &UserId| own.iter().any(|members| members.contains(user));
        now(Ok(users.into_iter().filter(shares).collect()))
    }

    fn choose(&self, _: UserId, _: Choices) -> BoxFuture<Result<(), StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn mute(&self, _: UserId, _: ConversationKey, _: Option<i64>) -> BoxFuture<Result<bool, StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn erase(&self, _: UserId) -> BoxFuture<Result<Erased, StoreError>> {
        now(Ok(Erased::default()))
    }

    fn written_by(
        &self,
        _: UserId,
        _: CommitNumber,
        _: u32,
    ) -> BoxFuture<Result<Vec<(CommitNumber, StoredMessage)>, StoreError>> {
        now(Ok(Vec::new()))
    }

    fn groups_of(&self, _: UserId, _: Option<GroupId>, _: u32) -> BoxFuture<Result<Vec<GroupId>, StoreError>> {
        // Memberships here are forgotten with the process.
        now(Ok(Vec::new()))
    }

    fn prune(&self, _: &str, _: i64, _: u32) -> BoxFuture<Result<u64, StoreError>> {
        now(Ok(0))
    }

    fn forget_requests(&self, _: i64, _: u32) -> BoxFuture<Result<u64, StoreError>> {
        now(Ok(0))
    }

    fn runs_sql(&self) -> bool {
        false
    }

    fn health(&self) -> Option<String> {
        None
    }

    fn stop(&self) {
        let (done, stopped) = sync_channel(1);
        let began = self.shared.sink.lock().expect(POISON).is_some();
        if began && self.queue.job(done).is_ok() {
            // The thread ends only when the queue is closed, which this handle does when it goes.
            let _ = stopped.recv();
        }
    }
}

impl Groups for VolatileStore {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let memberships = self.shared.memberships.lock().expect(POISON);
        let above = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let members = memberships.groups.get(&of).into_iter().flat_map(|members| members.range(above));
        now(Ok(members.copied().take(limit as usize).collect()))
    }

    fn own(&self) -> bool {
        true
    }
}

impl Revocations for VolatileStore {
    fn revoke(&self, user: UserId, issued_until: i64) -> BoxFuture<Result<(), StoreError>> {
        let mut revoked = self.shared.revoked.lock().expect(POISON);
        if revoked.len() >= self.shared.remembered && !revoked.contains_key(&user) {
            return now(Err(StoreError::Full));
        }
        let until = revoked.entry(user).or_insert(issued_until);
        *until = issued_until.max(*until);
        now(Ok(()))
    }

    fn revoked_until(&self, user: UserId) -> BoxFuture<Result<Option<i64>, StoreError>> {
        now(Ok(self.shared.revoked.lock().expect(POISON).get(&user).copied()))
    }

    fn latest(&self, limit: u32) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
        let revoked = self.shared.revoked.lock().expect(POISON);
        let mut latest: Vec<_> = revoked.iter().map(|(&user, &until)| (user, until)).collect();
        drop(revoked);
        latest.sort_unstable_by_key(|&(_, until)| std::cmp::Reverse(until));
        latest.truncate(limit as usize);
        now(Ok(latest))
    }
}

impl Rollouts for VolatileStore {
    fn all(&self) -> BoxFuture<Result<Vec<(String, Rollout)>, StoreError>> {
        let rollouts = self.shared.rollouts.lock().expect(POISON);
        now(Ok(rollouts.iter().map(|(kind, rollout)| (kind.clone(), rollout.clone())).collect()))
    }

    fn set(&self, kind: String, rollout: Rollout) -> BoxFuture<Result<(), StoreError>> {
        self.shared.rollouts.lock().expect(POISON).insert(kind, rollout);
        now(Ok(()))
    }

    fn take_back(&self, kind: String) -> BoxFuture<Result<bool, StoreError>> {
        now(Ok(self.shared.rollouts.lock().expect(POISON).remove(&kind).is_some()))
    }
}

impl ServiceKeys for VolatileStore {
    fn insert(&self, _: KeyRecord) -> BoxFuture<Result<bool, StoreError>> {
        now(Err(StoreError::NotEnabled))
    }

    fn find(&self, _: [u8; 32]) -> BoxFuture<Result<Option<KeyRecord>, StoreError>> {
        now(Ok(None))
    }

    fn list(&self) -> BoxFuture<Result<Vec<KeyRecord>, StoreError>> {
        now(Ok(Vec::new()))
    }

    fn revoke(&self, _: String) -> BoxFuture<Result<bool, StoreError>> {
        now(Ok(false))
    }

    fn used(&self, _: String, _: i64) -> BoxFuture<Result<(), StoreError>> {
        now(Ok(()))
    }
}

impl SessionResolver for VolatileStore {
    fn resolve(&self, _: String) -> BoxFuture<Result<Option<Session>, StoreError>> {
        now(Ok(None))
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::act::Origin;

    #[test]
    fn a_full_store_takes_leaves_and_then_joins_again() {
        let store = VolatileStore::bounded("an epoch".into(), 2);
        let [ann, bob, eve] = [1, 2, 3].map(UserId::new);
        let group = GroupId::new(5);
        let settles = |op| {
            let ops = smallvec![op];
            let (key, require, project) = (None, SmallVec::new(), None);
            let act = Act { origin: Origin::Nobody, sender: None, key, require, ops, project };
            matches!(store.shared.settle(&act), Outcome::Stored { .. })
        };
        let outcomes = [
            Op::Join(group, ann),
            Op::Join(group, bob),
            Op::Join(group, eve),
            Op::Leave(group, ann),
            Op::Join(group, eve),
        ];
        assert_eq!(outcomes.map(settles), [true, true, false, true, true]);
    }
}
