//! Who sees whom, asked of the port and remembered for a moment.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tidings_wire::UserId;

use crate::{
    clock::SharedClock,
    generations::Generations,
    ports::{StoreError, Visibility},
};

/// The port for visibility, with a memory of what it said.
pub(crate) struct Sight {
    port: Arc<dyn Visibility>,
    clock: SharedClock,
    known: Mutex<Known>,
}

struct Known {
    /// Whether the first sees the second.
    pairs: Generations<(UserId, UserId), Answer>,
    /// Of whom and for whom what was asked up to this moment may be wrong.
    outdated: Generations<UserId, Duration>,
    /// The same of everybody, because who it was is forgotten.
    all_outdated: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Answer {
    sees: bool,
    /// When the question began.
    asked: Duration,
}

/// How long it is taken for true that somebody may be seen.
const SEEN_FOR: Duration = Duration::from_secs(30);

/// The same of who may not: shorter, because it begins with the first message between the two.
const UNSEEN_FOR: Duration = Duration::from_secs(5);

/// Pairs of the latest questions that are remembered at least, and half of the most; earlier ones are asked again.
const PAIRS: usize = 65_536;

/// The same of users with whom something has changed. Once some of them are forgotten, all that was asked before is asked again.
const OUTDATED: usize = 8_192;

const POISONED: &str = "nothing panics while it holds this lock";

impl Sight {
    pub(crate) fn new(port: Arc<dyn Visibility>, clock: SharedClock) -> Self {
        let (pairs, outdated) = (Generations::new(PAIRS), Generations::new(OUTDATED));
        Self { port, clock, known: Mutex::new(Known { pairs, outdated, all_outdated: None }) }
    }

    /// Whether the asker sees each of these users.
    ///
    /// # Errors
    /// Where the port does not answer.
    pub(crate) async fn of(&self, asker: UserId, users: &[UserId]) -> Result<Vec<bool>, StoreError> {
        let now = self.clock.now().mono;
        let held: Vec<Option<bool>> = {
            let known = self.known();
            users.iter().map(|&user| if user == asker { Some(true) } else { known.fresh(asker, user, now) }).collect()
        };
        let unknown: Vec<UserId> =
            users.iter().zip(&held).filter(|(_, held)| held.is_none()).map(|(user, _)| *user).collect();
        if unknown.is_empty() {
            return Ok(held.into_iter().flatten().collect());
        }
        let seen: hashbrown::HashSet<UserId> = self.port.may_see(asker, unknown.clone()).await?.into_iter().collect();
        let mut known = self.known();
        for user in unknown {
            known.pairs.put((asker, user), Answer { sees: seen.contains(&user), asked: now });
        }
        drop(known);
        let answer = |(user, held): (&UserId, Option<bool>)| held.unwrap_or_else(|| seen.contains(user));
        Ok(users.iter().zip(held).map(answer).collect())
    }

    /// What was asked before for this user, or about them, may be wrong now; answers that are still under way too.
    pub(crate) fn outdate(&self, user: UserId) {
        let now = self.clock.now().mono;
        let mut known = self.known();
        if let Some(forgotten) = known.outdated.put(user, now) {
            known.all_outdated = known.all_outdated.max(forgotten.into_values().max());
        }
    }

    /// Whether what was asked at a moment may be wrong now.
    pub(crate) fn is_outdated(&self, asker: UserId, user: UserId, asked: Duration) -> bool {
        self.known().is_outdated(asker, user, asked)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect(POISONED)
    }
}

impl Known {
    fn fresh(&self, asker: UserId, user: UserId, now: Duration) -> Option<bool> {
        let answer = self.pairs.get(&(asker, user))?;
        let holds = if answer.sees { SEEN_FOR } else { UNSEEN_FOR };
        let fresh = answer.asked + holds > now && !self.is_outdated(asker, user, answer.asked);
        fresh.then_some(answer.sees)
    }

    fn is_outdated(&self, asker: UserId, user: UserId, asked: Duration) -> bool {
        // What was asked at the same moment may have been asked a little earlier.
        let since = [self.outdated.get(&asker), self.outdated.get(&user), self.all_outdated.as_ref()];
        since.into_iter().flatten().any(|&since| asked <= since)
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

    impl Hand {
        fn steps(&self, by: Duration) {
            *self.0.lock().unwrap() += by;
        }
    }

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
        clock.steps(UNSEEN_FOR);
        assert_eq!((asks(&[bob, UserId::new(11)]), questions()), (vec![true, false], 2));
        clock.steps(SEEN_FOR);
        assert_eq!((asks(&[bob]), questions()), (vec![true], 3));
        sight.outdate(bob);
        clock.steps(Duration::from_millis(1));
        assert_eq!((asks(&[bob]), questions()), (vec![true], 4));
        sight.outdate(eve);
        clock.steps(Duration::from_millis(1));
        assert_eq!((asks(&[bob]), questions()), (vec![true], 5));
        assert_eq!((asks(&[bob]), questions()), (vec![true], 5));
    }

    #[test]
    fn the_latest_answers_are_remembered_when_more_are_asked_than_have_room() {
        let (port, clock) = (Arc::new(Low::default()), Arc::new(Hand::default()));
        let sight = Sight::new(port.clone(), clock);
        let asks = |asker: u32| sight.of(UserId::new(asker), &[UserId::new(2)]).now_or_never().unwrap().unwrap();
        let questions = || port.0.load(Ordering::Relaxed);
        let all = 2 * PAIRS as u32 + 1;
        (100..100 + all).for_each(|asker| assert_eq!(asks(asker), [true]));
        assert_eq!(questions(), all as usize);
        asks(99 + all);
        asks(100 + all - PAIRS as u32);
        assert_eq!(questions(), all as usize, "the latest are remembered");
        asks(100);
        assert_eq!(questions(), all as usize + 1, "the first is asked again");
    }

    #[test]
    fn an_answer_that_was_under_way_when_something_changed_is_asked_again() {
        let (port, clock) = (Arc::new(Low::default()), Arc::new(Hand::default()));
        let sight = Sight::new(port.clone(), clock.clone());
        let [ann, bob] = [1, 2].map(UserId::new);
        let users = [bob];
        let asked = sight.of(ann, &users);
        let begun = clock.now().mono;
        sight.outdate(bob);
        asked.now_or_never().unwrap().unwrap();
        assert!(sight.is_outdated(ann, bob, begun));
        clock.steps(Duration::from_millis(1));
        sight.of(ann, &[bob]).now_or_never().unwrap().unwrap();
        assert_eq!(port.0.load(Ordering::Relaxed), 2);
        assert!(!sight.is_outdated(ann, bob, clock.now().mono));
        // Beyond the bound it is not known any more with whom it was.
        (0..=2 * OUTDATED as u32).for_each(|user| sight.outdate(UserId::new(user + 100)));
        clock.steps(Duration::from_millis(1));
        assert!(sight.is_outdated(ann, bob, begun));
        assert!(!sight.is_outdated(ann, bob, clock.now().mono));
    }
}
