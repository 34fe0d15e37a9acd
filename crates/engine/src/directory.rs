//! Who is connected where: the one map from users to dense indices and to the shards that hold their connections.
//!
//! Sets of users (members, online, recipients) are bitmaps over dense 32-bit indices. An index belongs to a user as long
//! as the user is connected or a cached group names them; then it is freed. Publications on their way to a shard still
//! carry freed indices, so an index goes to another user only when every publication that was made before it was freed is
//! gone ([`Grace`]).

mod presence;

use std::{
    collections::VecDeque,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use hashbrown::{DefaultHashBuilder, HashMap};
use roaring::RoaringBitmap;
use tidings_wire::UserId;

use presence::ShardsByIndex;

/// A set of shards, one bit each: so at most 64 shards a node.
pub(crate) type ShardSet = u64;

/// Locks that the map is spread over, so that threads seldom meet.
const STRIPES: usize = 64;

/// Freed indices that wait together for one grace period to end.
const LIMBO_BATCH: usize = 1024;

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

/// Users, their indices and their shards. Lock order: a group's state (see `members`), then a stripe, then
/// `indices` or `online`; never two stripes. So a guard of [`Directory::online`] is never held while another lock is taken.
pub(crate) struct Directory {
    stripes: Vec<RwLock<HashMap<UserId, Entry>>>,
    hasher: DefaultHashBuilder,
    online: RwLock<RoaringBitmap>,
    indices: Mutex<Indices>,
    /// Changed under the user's stripe only; read without it by whoever keeps the index from being freed.
    shards: ShardsByIndex,
    connections: AtomicUsize,
}

struct Entry {
    index: u32,
    /// Cached groups that name the user.
    pins: u32,
}

/// Held by whatever carries indices from one thread to another; see the module's page.
#[derive(Clone, Debug)]
pub(crate) struct Grace(#[expect(dead_code, reason = "only its reference count is read")] Arc<()>);

/// Which indices are whose, and which wait to be used again.
struct Indices {
    /// Of a freed index, whose it was last.
    users: Vec<UserId>,
    free: Vec<u32>,
    period: Arc<()>,
    freed_now: Vec<u32>,
    limbo: VecDeque<(Arc<()>, Vec<u32>)>,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| RwLock::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            online: RwLock::default(),
            indices: Mutex::new(Indices {
                users: Vec::new(),
                free: Vec::new(),
                period: Arc::default(),
                freed_now: Vec::new(),
                limbo: VecDeque::new(),
            }),
            shards: ShardsByIndex::default(),
            connections: AtomicUsize::new(0),
        }
    }

    /// The user has a connection on the shard. Returns the user's index, and whether the user was not connected before.
    pub(crate) fn enter(&self, user: UserId, shard: u16) -> (u32, bool) {
        let mut stripe = self.stripe(user).write().expect(POISONED);
        let index = self.entry(&mut stripe, user).index;
        let first = self.shards.add(index, shard) == 0;
        if first {
            self.online.write().expect(POISONED).insert(index);
        }
        (index, first)
    }

    /// The user's last connection on the shard has gone. True where it was the last of all.
    pub(crate) fn exit(&self, user: UserId, shard: u16) -> bool {
        let mut stripe = self.stripe(user).write().expect(POISONED);
        let Some(index) = stripe.get(&user).map(|entry| entry.index) else { return false };
        let last = self.shards.take(index, shard) == 0;
        if last {
            self.online.write().expect(POISONED).remove(index);
        }
        self.forget_if_unused(&mut stripe, user);
        last
    }

    /// A cached group names the user. Returns the user's index, which stays theirs until [`Directory::unpin`].
    pub(crate) fn pin(&self, user: UserId) -> u32 {
        let mut stripe = self.stripe(user).write().expect(POISONED);
        let entry = self.entry(&mut stripe, user);
        entry.pins += 1;
        entry.index
    }

    /// A cached group names the user of this index no more.
    pub(crate) fn unpin(&self, index: u32) {
        let Some(user) = self.indices().users.get(index as usize).copied() else { return };
        let mut stripe = self.stripe(user).write().expect(POISONED);
        let Some(entry) = stripe.get_mut(&user).filter(|entry| entry.index == index) else { return };
        entry.pins = entry.pins.saturating_sub(1);
        self.forget_if_unused(&mut stripe, user);
    }

    /// The user's index and shards; none where the user is neither connected nor named by a cached group.
    pub(crate) fn find(&self, user: UserId) -> Option<(u32, ShardSet)> {
        let stripe = self.stripe(user).read().expect(POISONED);
        // Under the stripe's lock: after it the index may be another user's.
        stripe.get(&user).map(|entry| (entry.index, self.shards.of(entry.index)))
    }

    /// The shards of the user who has this index now, without a look-up: for whoever knows that the index is in use, as a
    /// connection does of its own.
    pub(crate) fn shards_of(&self, index: u32) -> ShardSet {
        self.shards.of(index)
    }

    /// Whether the user has a connection on any shard.
    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.find(user).is_some_and(|(_, shards)| shards != 0)
    }

    /// All who are connected, for the end.
    pub(crate) fn users_online(&self) -> Vec<UserId> {
        let mut users = Vec::new();
        for stripe in &self.stripes {
            let stripe = stripe.read().expect(POISONED);
            users.extend(stripe.iter().filter(|(_, entry)| self.shards.of(entry.index) != 0).map(|(user, _)| *user));
        }
        users
    }

    /// The indices of all who are connected.
    pub(crate) fn online(&self) -> RwLockReadGuard<'_, RoaringBitmap> {
        self.online.read().expect(POISONED)
    }

    /// To be held by whatever carries indices; taken before they are looked up.
    pub(crate) fn grace(&self) -> Grace {
        Grace(self.indices().period.clone())
    }

    /// Connections of all users, counted by their shards.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A connection more.
    pub(crate) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection less.
    pub(crate) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    fn stripe(&self, user: UserId) -> &RwLock<HashMap<UserId, Entry>> {
        // The map's own hash takes the low bits for its buckets: the stripe takes others.
        &self.stripes[(self.hasher.hash_one(user) >> 48) as usize % STRIPES]
    }

    fn indices(&self) -> MutexGuard<'_, Indices> {
        self.indices.lock().expect(POISONED)
    }

    fn entry<'a>(&self, stripe: &'a mut HashMap<UserId, Entry>, user: UserId) -> &'a mut Entry {
        stripe.entry(user).or_insert_with(|| Entry { index: self.indices().allocate(user), pins: 0 })
    }

    fn forget_if_unused(&self, stripe: &mut HashMap<UserId, Entry>, user: UserId) {
        let Some(entry) = stripe.get(&user) else { return };
        if entry.pins == 0 && self.shards.of(entry.index) == 0 {
            self.indices().release(entry.index);
            stripe.remove(&user);
            if stripe.capacity() > 4 * stripe.len() + 64 {
                stripe.shrink_to_fit();
            }
        }
    }
}

impl Indices {
    fn allocate(&mut self, user: UserId) -> u32 {
        if self.free.is_empty() {
            self.end_periods();
        }
        if let Some(index) = self.free.pop() {
            self.users[index as usize] = user;
            return index;
        }
        self.users.push(user);
        (self.users.len() - 1) as u32
    }

    fn release(&mut self, index: u32) {
        self.freed_now.push(index);
        if self.freed_now.len() >= LIMBO_BATCH {
            self.begin_period();
        }
    }

    fn begin_period(&mut self) {
        let ended = std::mem::take(&mut self.period);
        self.limbo.push_back((ended, std::mem::take(&mut self.freed_now)));
    }

    /// Frees the indices of periods that nobody holds any more, the oldest first.
    fn end_periods(&mut self) {
        if !self.freed_now.is_empty() {
            self.begin_period();
        }
        while self.limbo.front().is_some_and(|(period, _)| Arc::strong_count(period) == 1) {
            if let Some((_, indices)) = self.limbo.pop_front() {
                self.free.extend(indices);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_online_while_any_shard_holds_a_connection() {
        let directory = Directory::new();
        let ann = UserId::new(1);
        let (index, first) = directory.enter(ann, 0);
        assert!(first);
        assert_eq!(directory.enter(ann, 3), (index, false));
        assert_eq!(directory.find(ann), Some((index, 0b1001)));
        assert!(!directory.exit(ann, 0));
        assert!(directory.is_online(ann) && directory.online().contains(index));
        assert!(
            directory.exit(ann, 3)
                && !directory.is_online(ann)
                && directory.online().is_empty()
                && directory.find(ann).is_none()
        );
    }

    #[test]
    fn a_member_keeps_the_index_while_offline() {
        let directory = Directory::new();
        let ann = UserId::new(1);
        let index = directory.pin(ann);
        assert_eq!(directory.enter(ann, 0), (index, true));
        directory.exit(ann, 0);
        assert_eq!(directory.find(ann), Some((index, 0)));
        directory.unpin(index);
        assert_eq!(directory.find(ann), None);
    }

    #[test]
    fn an_index_is_used_again_only_when_no_publication_can_carry_it() {
        let directory = Directory::new();
        let grace = directory.grace();
        let (freed, _) = directory.enter(UserId::new(1), 0);
        directory.exit(UserId::new(1), 0);
        let (other, _) = directory.enter(UserId::new(2), 0);
        assert_ne!(other, freed, "a publication of that time is still on its way");
        drop(grace);
        assert_eq!(directory.enter(UserId::new(3), 0), (freed, true));
    }
}
