//! Answers of a port, remembered for a while: bounded in number, asked for once by all who wait, forgotten on request.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::{future::Cache, ops::compute::Op};
use tidings_engine::{
    clock::SharedClock,
    ports::{BoxFuture, StoreError},
};

/// A memory of what a port answered. Which answers are too old is told by the clock, as everything in a server.
pub(crate) struct Memory<K, V> {
    /// The least used go when there are too many.
    answers: Cache<K, Arc<Answer<V>>>,
    clock: SharedClock,
    max_age: Duration,
    /// Counts what was forgotten: an answer that was under way meanwhile may be older than what made somebody forget it.
    forgotten: AtomicU64,
}

struct Answer<V> {
    value: V,
    asked: Duration,
    /// How much had been forgotten by then.
    before: u64,
    /// Whether something was forgotten while it was under way. It is given to those who waited, and to nobody else.
    doubtful: bool,
}

impl<K, V> Memory<K, V>
where
    K: Hash + Eq + Copy + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(entries: u64, max_age: Duration, clock: SharedClock) -> Self {
        let answers = Cache::builder().max_capacity(entries).build();
        Self { answers, clock, max_age, forgotten: AtomicU64::new(0) }
    }

    /// What is remembered, or what `ask` answers: called once for all who ask for the same at the same time. An error is told to all of
    /// them, and not remembered.
    pub(crate) async fn get(
        &self,
        key: K,
        ask: impl Fn() -> BoxFuture<Result<V, StoreError>>,
    ) -> Result<V, Arc<StoreError>> {
        let since = self.forgotten.load(Ordering::SeqCst);
        loop {
            if let Some(answer) = self.answers.get(&key).await {
                if self.holds(&answer) {
                    return Ok(answer.value.clone());
                }
                self.remove_old(key).await;
            }
            let asking = async {
                let (asked, before) = (self.clock.now().mono, self.forgotten.load(Ordering::SeqCst));
                let value = ask().await?;
                let doubtful = self.forgotten.load(Ordering::SeqCst) != before;
                Ok::<_, StoreError>(Arc::new(Answer { value, asked, before, doubtful }))
            };
            let answer = self.answers.try_get_with(key, asking).await?;
            // A question that somebody else had put before something was forgotten does not answer this one. The next one began later.
            if !answer.doubtful || answer.before >= since {
                return Ok(answer.value.clone());
            }
        }
    }

    /// Only an old one: another may have been put in its place by now.
    async fn remove_old(&self, key: K) {
        let look = |found: Option<moka::Entry<K, Arc<Answer<V>>>>| {
            let is_old = found.is_some_and(|entry| !self.holds(entry.value()));
            std::future::ready(if is_old { Op::Remove } else { Op::Nop })
        };
        self.answers.entry(key).and_compute_with(look).await;
    }

    /// Whatever is remembered or under way is not taken by those who ask from now on.
    pub(crate) async fn forget(&self, key: K) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.answers.invalidate(&key).await;
    }

    fn holds(&self, answer: &Answer<V>) -> bool {
        !answer.doubtful && self.clock.now().mono < answer.asked + self.max_age
    }
}

/// The same error for one of those who waited for it.
pub(crate) fn shared(error: Arc<StoreError>) -> StoreError {
    match &*error {
        StoreError::Full => StoreError::Full,
        StoreError::NotEnabled => StoreError::NotEnabled,
        _ => StoreError::Unavailable(Box::new(error)),
    }
}
