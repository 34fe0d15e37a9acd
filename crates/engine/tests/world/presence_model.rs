//! Presence against a plain model: whatever comes, goes, watches, hides and waits, after 10 s of quiet the last that every watcher
//! was told is the truth.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};
use tidings_testkit::{Client, World};

use crate::{
    messages::{user, world},
    watching::{asks, presence_in, welcomed},
};

/// Watchers are 1 to 3; all of 1 to 6 are watched.
const WATCHERS: u32 = 3;
const USERS: u32 = 6;

#[derive(Clone, Debug)]
enum Step {
    Comes { user: u32, shard: usize, v1: bool },
    Goes { which: usize },
    Watches { watcher: u32, users: Vec<u32> },
    Unwatches { watcher: u32, users: Vec<u32> },
    Chooses { user: u32, visible: bool },
    Reads { watcher: u32, on: bool },
    Passes { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::collection::vec(1..=USERS, 1..4);
    prop_oneof![
        4 => (1..=USERS, 0..2_usize, any::<bool>()).prop_map(|(user, shard, v1)| Step::Comes { user, shard, v1 }),
        4 => any::<usize>().prop_map(|which| Step::Goes { which }),
        2 => (1..=WATCHERS, some()).prop_map(|(watcher, users)| Step::Watches { watcher, users }),
        1 => (1..=WATCHERS, some()).prop_map(|(watcher, users)| Step::Unwatches { watcher, users }),
        1 => (1..=USERS, any::<bool>()).prop_map(|(user, visible)| Step::Chooses { user, visible }),
        1 => (1..=WATCHERS, any::<bool>()).prop_map(|(watcher, on)| Step::Reads { watcher, on }),
        3 => (0..12_000_u64).prop_map(|ms| Step::Passes { ms }),
    ]
}

/// What should be so: who has how many connections, who chose to be seen, what each watcher was told last of whom it watches.
struct Model {
    world: World,
    watchers: Vec<Client>,
    guests: Vec<(u32, Client)>,
    visible: BTreeMap<u32, bool>,
    told: BTreeMap<(u32, u32), Option<bool>>,
}

impl Model {
    fn new() -> Self {
        let patient = |settings: &mut tidings_engine::Settings| settings.ping_after = Duration::from_secs(100_000);
        let world = world().shards(2).socket_bytes(300).settings(patient).start();
        let watcher = |id| welcomed(world.v1_on(id as usize % 2, user(id), &json!({"type": "hello"})));
        let watchers = (1..=WATCHERS).map(watcher).collect();
        Self { world, watchers, guests: Vec::new(), visible: BTreeMap::new(), told: BTreeMap::new() }
    }

    fn does(&mut self, step: Step) {
        match step {
            Step::Comes { user: id, shard, v1 } => {
                let client = match v1 {
                    true => self.world.v1_on(shard, user(id), &json!({"type": "hello"})),
                    false => self.world.client_on(shard, user(id)),
                };
                self.guests.push((id, client));
            }
            Step::Goes { .. } if self.guests.is_empty() => {}
            Step::Goes { which } => {
                let (_, client) = self.guests.swap_remove(which % self.guests.len());
                client.disconnects();
            }
            Step::Watches { watcher, users } => {
                self.told.extend(users.iter().map(|&of| ((watcher, of), None)));
                asks(self.watcher(watcher), json!({"type": "watch", "users": users}));
            }
            Step::Unwatches { watcher, users } => {
                self.hears();
                self.told.retain(|(by, of), _| *by != watcher || !users.contains(of));
                asks(self.watcher(watcher), json!({"type": "unwatch", "users": users}));
            }
            Step::Chooses { user: id, visible } => {
                self.visible.insert(id, visible);
                self.world.backend().chooses(user(id), None, Some(visible)).expect("the store takes it");
            }
            Step::Reads { watcher, on: true } => self.watcher(watcher).reads_on(),
            Step::Reads { watcher, on: false } => self.watcher(watcher).stops_reading(),
            Step::Passes { ms } => self.world.advance(Duration::from_millis(ms)),
        }
        self.hears();
    }

    fn watcher(&self, id: u32) -> &Client {
        &self.watchers[id as usize - 1]
    }

    /// Notes what watchers were told.
    fn hears(&mut self) {
        for (client, watcher) in self.watchers.iter().zip(1..) {
            for text in client.texts() {
                let (of, offline) = presence_in(&serde_json::from_str::<Value>(&text).expect("a frame is JSON"));
                // A frame may have been on its way when its user was unwatched.
                if let Some(told) = self.told.get_mut(&(watcher, of)) {
                    *told = Some(offline.is_none());
                }
            }
        }
    }

    fn truth(&self, watcher: u32, of: u32) -> bool {
        let visible = watcher == of || *self.visible.get(&of).unwrap_or(&true);
        let here = of <= WATCHERS || self.guests.iter().any(|(id, _)| *id == of);
        visible && here
    }

    fn comes_to_rest(mut self) {
        self.watchers.iter().for_each(Client::reads_on);
        self.world.advance(Duration::from_millis(11_000));
        self.hears();
        for (&(watcher, of), &told) in &self.told {
            assert_eq!(told, Some(self.truth(watcher, of)), "{watcher} was told this of {of}");
        }
        assert!(self.watchers.iter().all(Client::is_open));
        let posts = self.world.posts();
        self.world.advance(Duration::from_secs(30));
        self.watchers.iter().for_each(Client::expects_nothing);
        assert_eq!(self.world.posts(), posts, "nothing is told where nothing changes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var_os("TIDINGS_THOROUGH").is_some() { 2_000 } else { 60 }, ..ProptestConfig::default() })]

    #[test]
    fn after_10_seconds_of_quiet_the_last_that_was_told_is_the_truth(steps in prop::collection::vec(step(), 1..60)) {
        let mut model = Model::new();
        steps.into_iter().for_each(|step| model.does(step));
        model.comes_to_rest();
    }
}
