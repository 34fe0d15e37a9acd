//! Rates by type and sender.

use std::{
    hash::BuildHasher,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use hashbrown::{DefaultHashBuilder, HashMap};
use tidings_wire::{Limit, UserId};

use crate::clock::Now;

/// The allowance of each sender of one type (`governor`'s generic cell rate algorithm). A sender takes room only until the
/// allowance is full again: at most as many as sent one within `Limit::per`, forgotten by [`Limiter::sweep`].
pub(crate) struct Limiter {
    limiter: RateLimiter<UserId, Store, PassedClock, NoOpMiddleware<Nanos>>,
    clock: PassedClock,
}

/// Locks that the senders are spread over, so that threads seldom meet.
const STRIPES: usize = 16;

const POISONED: &str = "nothing panics while it holds this lock";

/// When each sender's next message would come in time: 24 bytes a sender, behind one look-up where `governor`'s own store has two, and
/// hashed by what all maps of users are hashed by, which is cheaper than the standard library's.
#[derive(Default)]
struct Store {
    stripes: [Mutex<HashMap<UserId, Nanos, DefaultHashBuilder>>; STRIPES],
    hasher: DefaultHashBuilder,
}

impl StateStore for Store {
    type Key = UserId;

    fn measure_and_replace<T, F, E>(&self, sender: &UserId, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // The map's own hash takes the low bits for its buckets: the stripe takes others.
        let stripe = (self.hasher.hash_one(sender) >> 48) as usize % STRIPES;
        let mut senders = self.stripes[stripe].lock().expect(POISONED);
        match senders.get_mut(sender) {
            Some(due) => {
                let (value, next) = measure(Some(*due))?;
                *due = next;
                Ok(value)
            }
            None => {
                let (value, next) = measure(None)?;
                senders.insert(*sender, next);
                Ok(value)
            }
        }
    }
}

impl ShrinkableKeyedStateStore<UserId> for Store {
    fn retain_recent(&self, drop_below: Nanos) {
        for stripe in &self.stripes {
            stripe.lock().expect(POISONED).retain(|_, due| *due > drop_below);
        }
    }

    fn shrink_to_fit(&self) {
        self.stripes.iter().for_each(|stripe| stripe.lock().expect(POISONED).shrink_to_fit());
    }

    fn len(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().expect(POISONED).len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The time of the call that asks, so that limits follow the same clock as all else.
#[derive(Clone, Default)]
struct PassedClock(Arc<AtomicU64>);

impl Clock for PassedClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

impl Limiter {
    /// None where there is no limit.
    pub(crate) fn new(limit: Limit) -> Option<Self> {
        let count = NonZeroU32::new(limit.count)?;
        // A period that rounds to nothing would be no limit.
        let each = (limit.per / limit.count).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each)?.allow_burst(count);
        let clock = PassedClock::default();
        Some(Self { limiter: RateLimiter::new(quota, Store::default(), clock.clone()), clock })
    }

    /// Takes one from the sender's allowance, or says how long to wait.
    pub(crate) fn check(&self, sender: UserId, now: Now) -> Result<(), Duration> {
        self.clock.0.fetch_max(now.mono.as_nanos() as u64, Ordering::Relaxed);
        self.limiter.check_key(&sender).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Forgets senders whose allowance is full again.
    pub(crate) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_spent_and_comes_back_evenly() {
        let limiter = Limiter::new(Limit::per_minute(60)).unwrap();
        let at = |seconds| Now { mono: Duration::from_secs(seconds), unix_ms: 0 };
        let ann = UserId::new(1);
        assert!((0..60).all(|_| limiter.check(ann, at(5)).is_ok()));
        assert_eq!(limiter.check(ann, at(5)), Err(Duration::from_secs(1)));
        assert!(limiter.check(UserId::new(2), at(5)).is_ok(), "another sender has an allowance of their own");
        assert!(limiter.check(ann, at(6)).is_ok());
        assert!(limiter.check(ann, at(6)).is_err());
        limiter.sweep();
        assert_eq!(limiter.limiter.len(), 2);
        assert!(limiter.check(ann, at(200)).is_ok());
        limiter.sweep();
        assert_eq!(limiter.limiter.len(), 1, "a full allowance is forgotten");
    }

    #[test]
    fn no_limit_is_no_limiter() {
        assert!(Limiter::new(Limit::NONE).is_none());
    }
}
