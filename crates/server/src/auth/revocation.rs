//! Who was signed out everywhere, remembered so that a connect asks no store.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use moka::{ops::compute::Op, sync::Cache};
use tidings_engine::{
    clock::Now,
    ports::{Revocations, StoreError},
};
use tidings_wire::UserId;
use tokio::sync::Mutex;

/// Sign-outs that are held at once: all that there are, in most deployments. With more of them, users who are not among these
/// are asked for one by one.
const HELD: u32 = 100_000;

/// What is held is read again after so long: a sign-out by another process shows after that, one by this process at once.
const FOR: Duration = Duration::from_secs(30);

/// The port with a memory.
pub(super) struct KnownRevocations {
    port: Arc<dyn Revocations>,
    latest: RwLock<Latest>,
    /// Whoever reads the latest anew; the others wait for that.
    reading: Mutex<()>,
    /// Where not all are held: at most 100,000 users, the least recently used go and are asked for again.
    asked: Cache<UserId, Option<i64>>,
    most: u32,
}

/// The latest sign-outs.
#[derive(Default)]
struct Latest {
    until: HashMap<UserId, i64>,
    /// Whether there are no others.
    all: bool,
    read_at: Option<Duration>,
}

impl KnownRevocations {
    pub(super) fn new(port: Arc<dyn Revocations>) -> Self {
        Self::holding(port, HELD)
    }

    fn holding(port: Arc<dyn Revocations>, most: u32) -> Self {
        let asked = Cache::builder().max_capacity(100_000).time_to_live(FOR).build();
        Self { port, latest: RwLock::default(), reading: Mutex::default(), asked, most }
    }

    /// Whether what was issued to the user at a Unix second is refused by now.
    pub(super) async fn refuses(&self, user: UserId, issued_at: i64, now: Now) -> Result<bool, StoreError> {
        let until = match self.held(user, now) {
            Some(until) => until,
            None => {
                self.read(now).await?;
                // Where it is not known even now, not all are held.
                match self.held(user, now) {
                    Some(until) => until,
                    None => self.ask(user).await?,
                }
            }
        };
        Ok(until.is_some_and(|until| issued_at <= until))
    }

    /// What is known of the user; nothing where that is too old, or where it would have to be asked for.
    fn held(&self, user: UserId, now: Now) -> Option<Option<i64>> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        if !latest.is_fresh(now) {
            return None;
        }
        let until = latest.until.get(&user).copied();
        (until.is_some() || latest.all).then_some(until)
    }

    /// Reads the latest sign-outs, if those that are held are too old.
    async fn read(&self, now: Now) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        if self.latest.read().unwrap_or_else(PoisonError::into_inner).is_fresh(now) {
            return Ok(());
        }
        let read = self.port.latest(self.most).await?;
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        latest.all = read.len() < self.most as usize;
        // Those that came in while it was read stay; but more than twice the bound are never held.
        if latest.until.len() > self.most as usize {
            latest.until.clear();
            latest.until.shrink_to_fit();
        }
        for (user, until) in read {
            latest.keep(user, until);
        }
        latest.read_at = Some(now.mono);
        Ok(())
    }

    async fn ask(&self, user: UserId) -> Result<Option<i64>, StoreError> {
        if let Some(until) = self.asked.get(&user) {
            return Ok(until);
        }
        let stored = self.port.revoked_until(user).await?;
        // A sign-out may have come in between: what it left is newer than what was read.
        Ok(self.asked.entry(user).or_insert(stored).into_value())
    }

    /// Refuses what was issued to the user until a Unix second.
    pub(super) async fn revoke(&self, user: UserId, until: i64) -> Result<(), StoreError> {
        self.port.revoke(user, until).await?;
        self.latest.write().unwrap_or_else(PoisonError::into_inner).keep(user, until);
        self.asked
            .entry(user)
            .and_compute_with(|known| Op::Put(Some(until).max(known.and_then(|entry| entry.into_value()))));
        Ok(())
    }
}

impl Latest {
    fn is_fresh(&self, now: Now) -> bool {
        self.read_at.is_some_and(|at| now.mono.saturating_sub(at) < FOR)
    }

    fn keep(&mut self, user: UserId, until: i64) {
        let held = self.until.entry(user).or_insert(until);
        *held = until.max(*held);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tidings_engine::ports::BoxFuture;

    use super::*;

    /// Counts what it is asked.
    #[derive(Default)]
    struct Counted {
        revoked: std::sync::Mutex<HashMap<UserId, i64>>,
        lists: AtomicUsize,
        single: AtomicUsize,
    }

    impl Revocations for Counted {
        fn revoke(&self, user: UserId, until: i64) -> BoxFuture<Result<(), StoreError>> {
            self.revoked.lock().unwrap().insert(user, until);
            Box::pin(async { Ok(()) })
        }

        fn revoked_until(&self, user: UserId) -> BoxFuture<Result<Option<i64>, StoreError>> {
            self.single.fetch_add(1, Ordering::SeqCst);
            let until = self.revoked.lock().unwrap().get(&user).copied();
            Box::pin(async move { Ok(until) })
        }

        fn latest(&self, limit: u32) -> BoxFuture<Result<Vec<(UserId, i64)>, StoreError>> {
            self.lists.fetch_add(1, Ordering::SeqCst);
            let mut all: Vec<_> = self.revoked.lock().unwrap().iter().map(|(&user, &until)| (user, until)).collect();
            all.sort_by_key(|&(_, until)| std::cmp::Reverse(until));
            all.truncate(limit as usize);
            Box::pin(async move { Ok(all) })
        }
    }

    fn at(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), unix_ms: 0 }
    }

    #[tokio::test]
    async fn connects_ask_no_store_until_what_is_held_is_old() {
        let port = Arc::new(Counted::default());
        let known = KnownRevocations::new(port.clone());
        for user in 0..1_000 {
            assert!(!known.refuses(UserId::new(user), 5, at(user.into())).await.unwrap());
        }
        // 1,000 seconds in steps of 30.
        assert_eq!((port.lists.load(Ordering::SeqCst), port.single.load(Ordering::SeqCst)), (34, 0));
    }

    #[tokio::test]
    async fn a_sign_out_here_holds_at_once_and_one_elsewhere_within_thirty_seconds() {
        let port = Arc::new(Counted::default());
        let known = KnownRevocations::new(port.clone());
        let [ann, bob] = [1, 2].map(UserId::new);
        assert!(!known.refuses(ann, 100, at(0)).await.unwrap());
        known.revoke(ann, 100).await.unwrap();
        assert!(known.refuses(ann, 100, at(1)).await.unwrap() && !known.refuses(ann, 101, at(1)).await.unwrap());
        port.revoke(bob, 100).await.unwrap();
        assert!(!known.refuses(bob, 100, at(29)).await.unwrap(), "nobody has told it yet");
        assert!(known.refuses(bob, 100, at(30)).await.unwrap());
    }

    #[tokio::test]
    async fn with_more_sign_outs_than_are_held_the_others_are_asked_for() {
        let port = Arc::new(Counted::default());
        let known = KnownRevocations::holding(port.clone(), 10);
        for user in 0..100 {
            port.revoke(UserId::new(user), 1_000 + i64::from(user)).await.unwrap();
        }
        for user in 0..100 {
            let until = 1_000 + i64::from(user);
            assert!(known.refuses(UserId::new(user), until, at(1)).await.unwrap());
            assert!(!known.refuses(UserId::new(user), until + 1, at(1)).await.unwrap());
        }
        assert_eq!(port.single.load(Ordering::SeqCst), 90, "each of the others once");
        assert!(!known.refuses(UserId::new(500), 1, at(1)).await.unwrap());
        for user in 200..250 {
            known.revoke(UserId::new(user), 5_000).await.unwrap();
        }
        assert!(known.refuses(UserId::new(3), 1_003, at(100)).await.unwrap());
        assert!(known.refuses(UserId::new(200), 5_000, at(100)).await.unwrap());
        assert!(known.latest.read().unwrap().until.len() <= 20, "bounded");
    }
}
