//! The memory of users: who asks at the same time waits for one question, nothing is kept beyond its bounds, and what was forgotten
//! meanwhile is believed to nobody.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{future::join_all, poll};
use tidings_engine::ports::{BoxFuture, Profile, StoreError, Users};
use tidings_server::CachedUsers;
use tidings_testkit::SteppedClock;
use tidings_wire::UserId;
use tokio::sync::oneshot;

const ANN: UserId = UserId::new(7);

type Answer = Result<Option<Profile>, StoreError>;

fn called(name: &str) -> Answer {
    Ok(Some(Profile { name: Some(name.to_owned()), ..Profile::default() }))
}

/// A table that answers when the test says so: each question waits here.
#[derive(Default)]
struct Slow(Mutex<Vec<Option<oneshot::Sender<Answer>>>>);

impl Slow {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Answers a question, by its place in their order.
    fn answers(&self, question: usize, answer: Answer) {
        let waiting = self.0.lock().unwrap()[question].take().expect("it has no answer yet");
        waiting.send(answer).expect("somebody waits for it");
    }
}

impl Users for Slow {
    fn user(&self, _: UserId) -> BoxFuture<Answer> {
        let (answer, answered) = oneshot::channel();
        self.0.lock().unwrap().push(Some(answer));
        Box::pin(async move { answered.await.expect("it is answered") })
    }
}

fn slow() -> (Arc<Slow>, CachedUsers) {
    let table = Arc::new(Slow::default());
    (table.clone(), CachedUsers::new(table, 100, Duration::from_secs(30), SteppedClock::new()))
}

async fn name(users: &CachedUsers) -> String {
    users.get(ANN).await.unwrap().unwrap().name.clone().unwrap()
}

#[tokio::test]
async fn all_who_ask_at_the_same_time_wait_for_one_question() {
    let (table, users) = slow();
    let mut all = pin!(join_all((0..20).map(|_| name(&users))));
    assert!(poll!(&mut all).is_pending());
    assert_eq!(table.asked(), 1);
    table.answers(0, called("Ann"));
    assert_eq!(all.await, ["Ann"; 20]);
    assert_eq!((name(&users).await.as_str(), table.asked()), ("Ann", 1));
}

#[tokio::test]
async fn an_error_is_told_to_all_who_wait_and_not_remembered() {
    let (table, users) = slow();
    let mut all = pin!(join_all((0..2).map(|_| users.get(ANN))));
    assert!(poll!(&mut all).is_pending());
    assert_eq!(table.asked(), 1);
    table.answers(0, Err(StoreError::Full));
    assert!(all.await.into_iter().all(|answer| matches!(answer, Err(StoreError::Full))));
    let mut next = pin!(name(&users));
    assert!(poll!(&mut next).is_pending());
    table.answers(1, called("Ann"));
    assert_eq!((next.await.as_str(), table.asked()), ("Ann", 2));
}

#[tokio::test]
async fn an_answer_that_was_under_way_when_it_was_forgotten_is_not_taken_for_the_new_one() {
    let (table, users) = slow();
    let mut before = pin!(name(&users));
    assert!(poll!(&mut before).is_pending());
    users.forget(ANN).await;
    let mut after = pin!(name(&users));
    assert!(poll!(&mut after).is_pending());
    table.answers(0, called("Ann"));
    assert_eq!(before.await, "Ann");
    assert!(poll!(&mut after).is_pending());
    table.answers(1, called("Anna"));
    assert_eq!((after.await.as_str(), name(&users).await.as_str(), table.asked()), ("Anna", "Anna", 2));
}

/// Answers at once, and counts.
#[derive(Default)]
struct Quick(AtomicUsize);

impl Users for Quick {
    fn user(&self, _: UserId) -> BoxFuture<Answer> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(None)))
    }
}

#[tokio::test]
async fn no_more_users_are_remembered_than_allowed() {
    const ALLOWED: u64 = 100;
    let table = Arc::new(Quick::default());
    let users = CachedUsers::new(table.clone(), ALLOWED, Duration::from_secs(30), SteppedClock::new());
    let asked_for = async |count: u32| {
        let before = table.0.load(Ordering::SeqCst);
        for user in 0..count {
            users.get(UserId::new(user)).await.unwrap();
        }
        table.0.load(Ordering::SeqCst) - before
    };
    assert_eq!((asked_for(50).await, asked_for(50).await), (50, 0), "what there is room for is remembered");
    asked_for(10_000).await;
    // Those that there are too many of go a moment later, in lots: so some more than allowed may be there at times.
    let asked = asked_for(10_000).await;
    assert!(asked >= 9_000, "only {asked} of 10000 were asked for again");
}
