//! Who sees whom, asked of the port and remembered for a moment.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use hashbrown::HashMap;
use tidings_wire::UserId;

use crate::{
    clock::SharedClock,
    ports::{StoreError, Visibility},
};

/// The port for visibility, with a memory of what it said.
pub(crate) struct Sight {
    port: Arc<dyn Visibility>,
    clock: SharedClock,
    /// Whether the first sees the second, and until when that is taken for true.
    known: Mutex<HashMap<(UserId, UserId), (bool, Duration)>>,
}

/// How long it is taken for true that somebody may be seen.
const SEEN_FOR: Duration = Duration::from_secs(30);

/// The same of who may not: shorter, because it begins with the first message between the two.
const UNSEEN_FOR: Duration = Duration::from_secs(5);

/// Pairs that are remembered. With more, what is out of date is forgotten, and all where nothing is.
const PAIRS: usize = 131_072;

const POISONED: &str = "nothing panics while it holds this lock";

impl Sight {
    pub(crate) fn new(port: Arc<dyn Visibility>, clock: SharedClock) -> Self {
        Self { port, clock, known: Mutex::default() }
    }

    /// Whether the asker sees each of these users.
    ///
    /// # Errors
    /// Where the port does not answer.
    pub(crate) async fn of(&self, asker: UserId, users: &[UserId]) -> Result<Vec<bool>, StoreError> {
        let now = self.clock.now().mono;
        let held: Vec<Option<bool>> = {
            let known = self.known();
            let fresh = |user: &UserId| known.get(&(asker, *user)).filter(|(_, until)| *until > now);
            users
                .iter()
                .map(|user| if *user == asker { Some(true) } else { fresh(user).map(|(sees, _)| *sees) })
                .collect()
        };
        let unknown: Vec<UserId> =
            users.iter().zip(&held).filter(|(_, held)| held.is_none()).map(|(user, _)| *user).collect();
        if unknown.is_empty() {
            return Ok(held.into_iter().flatten().collect());
        }
        let seen: hashbrown::HashSet<UserId> = self.port.may_see(asker, unknown.clone()).await?.into_iter().collect();
        self.remember(asker, &unknown, |user| seen.contains(&user), now);
        let answer = |(user, held): (&UserId, Option<bool>)| held.unwrap_or_else(|| seen.contains(user));
        Ok(users.iter().zip(held).map(answer).collect())
    }

    /// What was remembered of the two may be wrong now.
    pub(crate) fn forget(&self, asker: UserId, user: UserId) {
        self.known().remove(&(asker, user));
    }

    fn remember(&self, asker: UserId, users: &[UserId], sees: impl Fn(UserId) -> bool, now: Duration) {
        let mut known = self.known();
        if known.len() + users.len() > PAIRS {
            known.retain(|_, (_, until)| *until > now);
            if known.len() + users.len() > PAIRS {
                known.clear();
            }
        }
        for &user in users {
            let sees = sees(user);
            known.insert((asker, user), (sees, now + if sees { SEEN_FOR } else { UNSEEN_FOR }));
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(UserId, UserId), (bool, Duration)>> {
        self.known.lock().expect(POISONED)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;

    use super::*;
    use crate::{
        clock::{Clock, Now},
        ports::BoxFuture,
    };

    /// Sees users below 10, and counts the questions.
    #[derive(Default)]
    struct Low(AtomicUsize);

    impl Visibility for Low {
        fn may_see(&self, _: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let low = users.into_iter().filter(|&user| user < UserId::new(10)).collect();
            Box::pin(std::future::ready(Ok(low)))
        }
    }

    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn now(&self) -> Now {
            Now { mono: *self.0.lock().unwrap(), unix_ms: 0 }
        }
    }

    #[test]
    fn the_port_is_asked_once_for_all_and_again_when_that_is_old() {
        let (port, clock) = (Arc::new(Low::default()), Arc::new(Hand::default()));
        let sight = Sight::new(port.clone(), clock.clone());
        let [ann, bob, eve] = [1, 2, 30].map(UserId::new);
        let asks = |users: &[UserId]| sight.of(eve, users).now_or_never().unwrap().unwrap();
        let questions = || port.0.load(Ordering::Relaxed);
        assert_eq!(asks(&[eve]), [true], "nobody is asked about themselves");
        assert_eq!((asks(&[ann, bob, UserId::new(11)]), questions()), (vec![true, true, false], 1));
        assert_eq!((asks(&[bob, UserId::new(11)]), questions()), (vec![true, false], 1));
        *clock.0.lock().unwrap() += UNSEEN_FOR;
        assert_eq!((asks(&[bob, UserId::new(11)]), questions()), (vec![true, false], 2));
        *clock.0.lock().unwrap() += SEEN_FOR;
        assert_eq!((asks(&[bob]), questions()), (vec![true], 3));
        sight.forget(eve, bob);
        assert_eq!((asks(&[bob]), questions()), (vec![true], 4));
        for asker in 0..PAIRS as u32 + 1 {
            sight.of(UserId::new(asker + 100), &[bob]).now_or_never().unwrap().unwrap();
        }
        assert!(sight.known().len() <= PAIRS);
    }
}
