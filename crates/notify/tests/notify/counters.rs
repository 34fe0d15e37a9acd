//! 100,000 random operations, held against a plain model: what an inbox shows, and that its counters never drift.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tidings_server::{
    Tidings,
    ports::{InboxFilter, InboxMarked, InboxPageAsked, MarkedRows},
};
use tidings_wire::{
    MessageId, Notice, UserId,
    server_frames::{InboxPage, RowState},
};

use crate::world::World;

const USERS: u8 = 200;
const OPERATIONS: usize = 500;
const GROUPS: u8 = 4;
const ACTORS: u32 = 6;

#[derive(Clone, Debug)]
enum Operation {
    /// Somebody does something that is joined.
    Do(u8, u32),
    /// Somebody takes it back.
    Undo(u8, u32),
    /// Something that is never joined.
    Single,
    /// All up to one of those that changed last.
    MarkUpTo(RowState, usize),
    /// One of those that changed last.
    MarkOne(RowState, usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    use proptest::prelude::*;
    let state = || prop_oneof![Just(RowState::Seen), Just(RowState::Read), Just(RowState::Archived)];
    prop_oneof![
        5 => (0..GROUPS, 0..ACTORS).prop_map(|(group, actor)| Operation::Do(group, actor)),
        3 => (0..GROUPS, 0..ACTORS).prop_map(|(group, actor)| Operation::Undo(group, actor)),
        1 => Just(Operation::Single),
        1 => (state(), 0..100_usize).prop_map(|(state, place)| Operation::MarkUpTo(state, place)),
        2 => (state(), 0..100_usize).prop_map(|(state, place)| Operation::MarkOne(state, place)),
    ]
}

/// An inbox without watermarks and without counters.
#[derive(Default)]
struct Model {
    rows: Vec<Row>,
    born: usize,
}

/// Rows stand in the order of their last changes.
struct Row {
    group: Option<u8>,
    actors: BTreeMap<u32, u64>,
    state: RowState,
    is_open: bool,
    /// The how manieth row it was.
    born: usize,
}

impl Model {
    /// Its place becomes the last.
    fn touch(&mut self, at: usize, change: impl FnOnce(&mut Row)) {
        let mut row = self.rows.remove(at);
        change(&mut row);
        self.rows.push(row);
    }

    fn add(&mut self, group: Option<u8>, actor: Option<u32>) {
        self.born += 1;
        let actors = actor.into_iter().map(|actor| (actor, 1)).collect();
        let is_open = group.is_some();
        self.rows.push(Row { group, actors, state: RowState::Unseen, is_open, born: self.born });
    }

    fn done(&mut self, group: u8, actor: u32) {
        match self.rows.iter().position(|row| row.group == Some(group) && row.is_open) {
            Some(at) => self.touch(at, |row| {
                *row.actors.entry(actor).or_default() += 1;
                row.state = RowState::Unseen;
            }),
            None => self.add(Some(group), Some(actor)),
        }
    }

    /// Out of the newest row that the actor is in.
    fn undone(&mut self, group: u8, actor: u32) {
        let holds = |row: &Row| row.group == Some(group) && row.actors.contains_key(&actor);
        let held = self.rows.iter().enumerate().filter(|(_, row)| holds(row));
        let Some((at, _)) = held.max_by_key(|(_, row)| row.born) else { return };
        let gone = {
            let row = &mut self.rows[at];
            let events = row.actors.get_mut(&actor).expect("it holds the actor");
            *events -= 1;
            if *events == 0 {
                row.actors.remove(&actor);
            }
            row.actors.is_empty()
        };
        if gone {
            self.rows.remove(at);
        } else {
            self.touch(at, |_| ());
        }
    }

    /// The first `count` rows have got so far.
    fn mark_first(&mut self, state: RowState, count: usize) {
        for row in &mut self.rows[..count] {
            row.state = row.state.max(state);
            row.is_open &= row.state != RowState::Archived;
        }
    }

    fn mark_one(&mut self, state: RowState, at: usize) {
        if self.rows[at].state < state {
            self.touch(at, |row| {
                row.state = state;
                row.is_open &= state != RowState::Archived;
            });
        }
    }

    /// What a page shows of each row, the latest change first: its group, how many did it, how far it has got.
    fn shown(&self, archived: bool) -> Vec<(Option<String>, u64, u64, RowState)> {
        let shown = self.rows.iter().rev().filter(|row| (row.state == RowState::Archived) == archived);
        let line = |row: &Row| {
            let events = row.actors.values().sum::<u64>().max(u64::from(row.group.is_none()));
            (row.group.map(name), row.actors.len() as u64, events, row.state)
        };
        shown.map(line).collect()
    }

    fn below(&self, state: RowState) -> u64 {
        self.rows.iter().filter(|row| row.state < state).count() as u64
    }
}

fn name(group: u8) -> String {
    format!("post:{group}")
}

/// All rows of an inbox, the latest change first.
async fn read(tidings: &Tidings, user: UserId, filter: InboxFilter) -> InboxPage {
    let inbox = tidings.inbox().expect("the pack is there");
    let mut all = InboxPage::default();
    let mut before = None;
    loop {
        let page = inbox.page(user, InboxPageAsked { before, limit: 100, filter }).await.expect("a page");
        (all.unread, all.unseen) = (page.unread, page.unseen);
        before = page.notifications.last().map(|row| row.seq);
        all.notifications.extend(page.notifications);
        if !page.more {
            return all;
        }
    }
}

async fn check(tidings: &Tidings, user: UserId, model: &Model) {
    for (filter, archived) in [(InboxFilter::All, false), (InboxFilter::Archived, true)] {
        let page = read(tidings, user, filter).await;
        let shown: Vec<_> =
            page.notifications.into_iter().map(|row| (row.group, row.count, row.events, row.state)).collect();
        assert_eq!(shown, model.shown(archived), "user {user}, {filter:?}");
        assert_eq!(
            (page.unseen, page.unread),
            (model.below(RowState::Seen), model.below(RowState::Read)),
            "user {user}"
        );
    }
}

/// Of the rows that changed last: one, with its place in the model.
async fn pick(tidings: &Tidings, user: UserId, model: &Model, place: usize) -> Option<(usize, u64, MessageId)> {
    let inbox = tidings.inbox().expect("the pack is there");
    let asked = InboxPageAsked { before: None, limit: 10, filter: InboxFilter::All };
    let page = inbox.page(user, asked).await.expect("a page").notifications;
    let row = page.get(place % page.len().max(1))?;
    let mut shown = model.rows.iter().enumerate().rev().filter(|(_, row)| row.state != RowState::Archived);
    let (at, _) = shown.nth(place % page.len()).expect("as many as the page shows");
    Some((at, row.seq, row.id))
}

async fn run(tidings: Tidings, number: u8) {
    let user = UserId::new(u32::from(number));
    let mut seed = [0; 32];
    seed[0] = number;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = operation();
    let mut model = Model::default();
    let inbox = tidings.inbox().expect("the pack is there");
    for step in 0..OPERATIONS {
        let operation = strategy.new_tree(&mut runner).expect("an operation").current();
        let by = |group, actor| Notice::new("post_like").to(user).by(UserId::new(1_000 + actor)).group(name(group));
        match operation {
            Operation::Do(group, actor) => {
                tidings.notify(by(group, actor)).await.expect("it is on disk");
                model.done(group, actor);
            }
            Operation::Undo(group, actor) => {
                tidings.notify(by(group, actor).taken_back()).await.expect("it is on disk");
                model.undone(group, actor);
            }
            Operation::Single => {
                let single = Notice::new("news").to(user).text("something is new");
                tidings.notify(single).await.expect("it is on disk");
                model.add(None, None);
            }
            Operation::MarkUpTo(state, place) => {
                if let Some((at, up_to, _)) = pick(&tidings, user, &model, place).await {
                    let mark = InboxMarked { state, rows: MarkedRows::UpTo(up_to) };
                    inbox.mark(user, mark).await.expect("it is on disk");
                    model.mark_first(state, at + 1);
                }
            }
            Operation::MarkOne(state, place) => {
                if let Some((at, _, id)) = pick(&tidings, user, &model, place).await {
                    let mark = InboxMarked { state, rows: MarkedRows::Ids(vec![id]) };
                    inbox.mark(user, mark).await.expect("it is on disk");
                    model.mark_one(state, at);
                }
            }
        }
        if step % 100 == 0 {
            check(&tidings, user, &model).await;
        }
    }
    check(&tidings, user, &model).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_are_what_a_count_finds_after_100_000_random_operations() {
    const { assert!(USERS as usize * OPERATIONS == 100_000) };
    let world = World::new().await;
    let tidings = world.server.tidings().clone();
    let users = (1..=USERS).map(|user| tokio::spawn(run(tidings.clone(), user)));
    stream::iter(users).for_each_concurrent(None, |user| async { user.await.expect("the model holds") }).await;
    // And once more by SQL that knows nothing of how they are kept.
    let drifted = "SELECT count(*) FROM notify_inboxes i WHERE \
        i.unseen <> (SELECT count(*) FROM notify_rows r WHERE r.owner = i.owner AND r.is_removed = 0 AND r.state = 0 \
        AND r.changed > i.seen_to AND r.changed > i.read_to AND r.changed > i.archived_to) OR \
        i.unread <> (SELECT count(*) FROM notify_rows r WHERE r.owner = i.owner AND r.is_removed = 0 AND r.state < 2 \
        AND r.changed > i.read_to AND r.changed > i.archived_to)";
    assert_eq!(world.number(drifted), 0);
    assert_eq!(world.number("SELECT count(*) FROM notify_inboxes"), i64::from(USERS));
}
