//! Groups of the app's own tables: a view of them that is 30 s old at most.

use std::{
    collections::BTreeSet,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tidings_engine::ports::{BoxFuture, Groups, StoreError};
use tidings_testkit::{World, memory::MemoryStore};
use tidings_wire::{Code, GroupId, UserId};

use crate::messages::{GROUP, Group, Poke, Shout, poke, to_group, user};

/// How old a view may be.
const VIEW: Duration = Duration::from_secs(30);

/// The app's own table of one group's members, which the test changes by hand.
struct Table {
    answers: Mutex<Answers>,
    max_age: Duration,
}

#[derive(Default)]
enum Answers {
    #[default]
    Nothing,
    Members(BTreeSet<UserId>),
    Fails,
    Panics,
    /// The same full page, whatever is asked for.
    Repeats,
}

impl Table {
    fn has(&self, members: &[u32]) {
        *self.answers.lock().expect("nothing panics while it holds this lock") =
            Answers::Members(members.iter().copied().map(UserId::new).collect());
    }

    fn answers(&self, with: Answers) {
        *self.answers.lock().expect("nothing panics while it holds this lock") = with;
    }
}

impl Groups for Table {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        assert_eq!(of, GROUP);
        let answer = match &*self.answers.lock().expect("nothing panics while it holds this lock") {
            Answers::Nothing => Ok(Vec::new()),
            Answers::Members(members) => {
                let above = members.iter().filter(|&&member| after.is_none_or(|after| member > after));
                Ok(above.copied().take(limit as usize).collect())
            }
            Answers::Fails => Err(StoreError::Full),
            Answers::Panics => return Box::pin(async { panic!("a defect of the app's port") }),
            Answers::Repeats => Ok(vec![user(1); limit as usize]),
        };
        Box::pin(ready(answer))
    }

    fn own(&self) -> bool {
        false
    }

    fn max_age(&self) -> Duration {
        self.max_age
    }
}

fn world() -> (World, Arc<Table>) {
    world_of(VIEW)
}

fn world_of(max_age: Duration) -> (World, Arc<Table>) {
    let table = Arc::new(Table { answers: Mutex::default(), max_age });
    let builder = tidings_testkit::world().message::<Group>().message::<Shout>().message::<Poke>();
    let memory = Arc::new(MemoryStore::new(builder.clock()));
    (builder.store(memory, table.clone()).start(), table)
}

fn shout(word: &str) -> Shout {
    Shout { groups: vec![GROUP], word: word.into(), ..Shout::default() }
}

#[test]
fn who_came_or_went_is_known_after_the_ports_own_age_and_thirty_seconds_at_most() {
    for (said, view) in [(VIEW, VIEW), (Duration::from_secs(5), Duration::from_secs(5)), (10 * VIEW, VIEW)] {
        is_known_after(view, said);
    }
}

fn is_known_after(view: Duration, said: Duration) {
    let (world, table) = world_of(said);
    let [ann, bob, eve] = world.clients([1, 2, 3]);
    table.has(&[1, 2]);
    ann.send(&shout("first"));
    assert_eq!(bob.expects::<Shout>().message.word, "first");
    table.has(&[1, 3]);
    world.advance(view - Duration::from_millis(500));
    ann.send(&shout("second"));
    assert_eq!(bob.expects::<Shout>().message.word, "second");
    eve.expects_nothing();
    world.advance(Duration::from_millis(500));
    ann.send(&shout("third"));
    assert_eq!(eve.expects::<Shout>().message.word, "third");
    bob.expects_nothing();
    bob.send(&shout("fourth"));
    bob.expects_error(Code::NotAMember);
}

#[test]
fn a_view_that_cannot_be_renewed_answers_unavailable() {
    for trouble in [|| Answers::Fails, || Answers::Panics, || Answers::Repeats] {
        let (world, table) = world();
        let [ann, bob] = world.clients([1, 2]);
        table.has(&[1, 2]);
        ann.send(&shout("first"));
        bob.expects::<Shout>();
        table.answers(trouble());
        world.advance(VIEW);
        for _ in 0..3 {
            ann.send(&shout("stale"));
            ann.expects_error(Code::Unavailable);
            bob.expects_nothing();
        }
        ann.send(&poke(bob.user()));
        bob.expects::<Poke>();
        table.has(&[1, 2]);
        ann.send(&shout("again"));
        assert_eq!(bob.expects::<Shout>().message.word, "again");
    }
}

#[test]
fn a_message_whose_view_ages_during_the_commit_is_heard() {
    let (world, table) = world();
    let [ann, bob] = world.clients([1, 2]);
    table.has(&[1, 2]);
    ann.send(&to_group("warm"));
    bob.expects::<Group>();
    world.advance(VIEW - Duration::from_millis(200));
    world.store().holds();
    ann.send(&to_group("hi"));
    world.advance(Duration::from_millis(500));
    world.store().goes_on();
    assert_eq!(bob.expects::<Group>().message.content, "hi");
}

#[test]
fn a_member_by_the_apps_tables_resumes_and_reads_back() {
    let (world, table) = world();
    table.has(&[1, 2]);
    let [ann] = world.clients([1]);
    for word in ["one", "two", "three"] {
        ann.send(&to_group(word));
    }
    let hello = json!({"type": "hello", "epoch": "memory", "heads": {"group:5": 1}});
    let bob = world.v1(user(2), &hello);
    let frames = |client: &tidings_testkit::Client| -> Vec<Value> {
        client.texts().iter().map(|text| serde_json::from_str(text).expect("a frame is JSON")).collect()
    };
    let kinds: Vec<_> = frames(&bob).iter().map(|frame| (frame["type"].clone(), frame["seq"].clone())).collect();
    let missed = [("welcome", json!(null)), ("group", json!(2)), ("group", json!(3)), ("resumed", json!(null))];
    assert_eq!(kinds, missed.map(|(kind, seq)| (json!(kind), seq)));
    bob.sends_text(r#"{"type":"history","conversation":"group:5"}"#);
    assert_eq!(frames(&bob)[0]["messages"].as_array().map(Vec::len), Some(3));
    let eve = world.v1(user(3), &hello);
    assert!(frames(&eve).iter().any(|frame| frame["type"] == "reset"), "who is no member sees nothing of it");
    eve.sends_text(r#"{"type":"history","conversation":"group:5"}"#);
    assert_eq!(frames(&eve)[0]["code"], "not_found");
}
