//! Messages to those who stand in a relation, against a plain model, through follows, unfollows and storms of connections.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_engine::{
    Accepted, Context,
    ports::{BoxFuture, Relation, StoreError},
    publish::Consequences,
};
use tidings_testkit::{Client, World};
use tidings_wire::{Audience, Code, FOLLOWERS, Id, Limit, Message, Sender, Set, UserId};

use crate::messages::user;

/// A table of who follows whom, as an adapter has it.
#[derive(Default)]
struct Table {
    rows: Mutex<BTreeMap<Id, BTreeSet<UserId>>>,
    pages: AtomicUsize,
    max_age: Option<Duration>,
}

impl Table {
    fn set(&self, of: UserId, follower: UserId, follows: bool) {
        let mut rows = self.rows.lock().expect("nothing panics while it is locked");
        let followers = rows.entry(of.0).or_default();
        if follows {
            followers.insert(follower)
        } else {
            followers.remove(&follower)
        };
    }
}

impl Relation for Table {
    fn members(&self, to: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        self.pages.fetch_add(1, Ordering::SeqCst);
        let rows = self.rows.lock().expect("nothing panics while it is locked");
        let all = rows.get(&to).into_iter().flatten().copied();
        let page = all.filter(|&user| after.is_none_or(|after| user > after)).take(limit as usize).collect();
        Box::pin(std::future::ready(Ok(page)))
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age
    }
}

/// To those who follow somebody, perhaps only as far as they follow another too, without those who follow a third.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Post {
    to: UserId,
    only: Option<UserId>,
    less: Option<UserId>,
    word: u32,
}

impl Message for Post {
    const TYPE: &'static str = "post";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        let mut audience = Audience::followers_of(self.to);
        audience.only.extend(self.only.map(|only| Set::of(FOLLOWERS, only)));
        audience.less.extend(self.less.map(|less| Set::of(FOLLOWERS, less)));
        audience
    }
}

/// The sender follows somebody, or no longer; those who follow that one hear of it, the new one too.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Follow {
    whom: UserId,
    follows: bool,
}

impl Message for Follow {
    const TYPE: &'static str = "follow";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::nobody()
    }
}

fn world(table: &Arc<Table>, shards: u16, cached_bytes: u64) -> World {
    let writes = table.clone();
    let follow = move |follow: Follow, cx: Context| {
        let (table, follower) = (writes.clone(), cx.sender().user.expect("users follow"));
        async move {
            let Follow { whom, follows } = follow;
            // What follows from an act is drawn in commit order, where the table's rows change too.
            Ok(Accepted::new(follow).project(move |_| {
                table.set(whom, follower, follows);
                Consequences::default().change(FOLLOWERS, whom, follower, follows)
            }))
        }
    };
    tidings_testkit::world()
        .message::<Post>()
        .message_with::<Follow>(follow)
        .relation(FOLLOWERS, table.clone())
        .shards(shards)
        .settings(|settings| settings.group_cache_bytes = cached_bytes)
        .start()
}

fn post(to: u32, word: u32) -> Post {
    Post { to: user(to), only: None, less: None, word }
}

#[test]
fn followers_who_are_there_hear_and_nobody_else() {
    let table = Arc::new(Table::default());
    [2, 3, 4].into_iter().for_each(|follower| table.set(user(1), user(follower), true));
    let world = world(&table, 2, 1 << 20);
    let [ann, bob, eve] = world.clients([1, 2, 5]);
    ann.send(&post(1, 7));
    assert_eq!(bob.expects::<Post>().word, 7);
    // Eve is told nothing until she follows, and Bob nothing once he does not any more.
    eve.send(&Follow { whom: ann.user(), follows: true });
    bob.send(&Follow { whom: ann.user(), follows: false });
    ann.send(&post(1, 8));
    assert_eq!(eve.expects::<Post>().word, 8);
    [ann, bob, eve].iter().for_each(Client::expects_nothing);
    assert_eq!(table.pages.load(Ordering::SeqCst), 1, "it is read once, and changed in memory from then on");
}

#[test]
fn a_message_whose_sender_goes_at_once_is_heard_where_the_set_is_there_at_once() {
    let table = Arc::new(Table::default());
    table.set(user(1), user(2), true);
    let world = world(&table, 1, 1 << 20);
    let [ann, bob] = world.clients([1, 2]);
    world.holding(|| {
        ann.send(&post(1, 7));
        ann.disconnects();
    });
    assert_eq!(bob.expects::<Post>().word, 7);
}

#[test]
fn a_relation_that_nobody_brought_is_refused() {
    let world = tidings_testkit::world().message::<Post>().start();
    let [ann] = world.clients([1]);
    ann.send(&post(1, 7));
    assert!(ann.expects_error(Code::NotEnabled).message.contains("followers"));
}

#[test]
fn a_view_of_a_table_that_others_change_grows_old() {
    let table = Arc::new(Table { max_age: Some(Duration::from_secs(30)), ..Table::default() });
    let world = world(&table, 1, 1 << 20);
    let [ann, bob] = world.clients([1, 2]);
    ann.send(&post(1, 1));
    table.set(ann.user(), bob.user(), true);
    world.advance(Duration::from_secs(29));
    ann.send(&post(1, 2));
    bob.expects_nothing();
    world.advance(Duration::from_secs(2));
    ann.send(&post(1, 3));
    assert_eq!(bob.expects::<Post>().word, 3);

    // Whoever changes the table may say so, and need not wait.
    table.set(ann.user(), bob.user(), false);
    assert!(world.backend().outdate(FOLLOWERS, ann.user()) && !world.backend().outdate("friends", ann.user()));
    ann.send(&post(1, 4));
    bob.expects_nothing();
}

#[test]
fn many_followers_are_read_in_pages() {
    let table = Arc::new(Table::default());
    (2..2_502).for_each(|follower| table.set(user(1), user(follower), true));
    let world = world(&table, 1, 1 << 30);
    let [ann, last] = world.clients([1, 2_501]);
    ann.send(&post(1, 1));
    ann.send(&post(1, 2));
    assert_eq!(last.expects::<Post>().word, 1);
    assert_eq!(last.expects::<Post>().word, 2);
    assert_eq!(table.pages.load(Ordering::SeqCst), 3);
}

#[derive(Clone, Debug)]
enum Step {
    Connect { user: u32 },
    Disconnect { which: usize },
    Follow { which: usize, whom: u32, follows: bool },
    Post { which: usize, to: u32, only: Option<u32>, less: Option<u32> },
}

const USERS: std::ops::Range<u32> = 1..9;

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::option::weighted(0.3, USERS);
    prop_oneof![
        3 => USERS.prop_map(|user| Step::Connect { user }),
        2 => (0..64_usize).prop_map(|which| Step::Disconnect { which }),
        4 => (0..64_usize, USERS, prop::bool::weighted(0.7))
            .prop_map(|(which, whom, follows)| Step::Follow { which, whom, follows }),
        5 => (0..64_usize, USERS, some(), some()).prop_map(|(which, to, only, less)| Step::Post { which, to, only, less }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_follows_and_comes_and_goes_those_hear_whom_a_plain_model_names(
        shards in 1..4_u16,
        cached_bytes in prop::sample::select(vec![1_u64, 1 << 20]),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let table = Arc::new(Table::default());
        let world = world(&table, shards, cached_bytes);
        let mut clients: Vec<Client> = Vec::new();
        let mut model: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (word, step) in (1..).zip(steps) {
            match step {
                Step::Connect { user: id } => clients.push(world.client(user(id))),
                Step::Disconnect { which } if !clients.is_empty() => {
                    clients.swap_remove(which % clients.len()).closes(1000);
                }
                Step::Follow { which, whom, follows } if !clients.is_empty() => {
                    let client = &clients[which % clients.len()];
                    client.send(&Follow { whom: user(whom), follows });
                    let followers = model.entry(whom).or_default();
                    let by = USERS.into_iter().find(|&id| user(id) == client.user()).unwrap();
                    if follows { followers.insert(by) } else { followers.remove(&by) };
                }
                Step::Post { which, to, only, less } if !clients.is_empty() => {
                    let sender = clients[which % clients.len()].clone();
                    sender.send(&Post { only: only.map(user), less: less.map(user), ..post(to, word) });
                    let of = |id: u32| model.get(&id).cloned().unwrap_or_default();
                    let mut named = of(to);
                    named.retain(|id| only.is_none_or(|only| of(only).contains(id)));
                    named.retain(|id| !less.is_some_and(|less| of(less).contains(id)));
                    for client in &clients {
                        let hears = client.user() != sender.user() && named.iter().any(|&id| user(id) == client.user());
                        prop_assert_eq!(client.texts().len(), usize::from(hears), "{} hears {}", client.user(), word);
                    }
                }
                _ => {}
            }
        }
    }
}
