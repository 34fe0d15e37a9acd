//! Who hears, against a plain model: whatever is followed, blocked, muted and closed in between.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use tidings_social::PostAction;
use tidings_testkit::server::TestClient;
use tidings_wire::{PostId, UserId};

use crate::world::World;

/// Users of a case. The last has a private account.
const USERS: usize = 5;
const PRIVATE: usize = USERS - 1;

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    Follow(usize, usize),
    Unfollow(usize, usize),
    /// The private account answers.
    Answer(usize, bool),
    Block(usize, usize),
    Unblock(usize, usize),
    Mute(usize, usize),
    Unmute(usize, usize),
    /// Comes, or goes.
    Turn(usize),
    /// Shares the other's post: it is looked at who hears.
    Share(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let pair = || (0..USERS, 0..USERS);
    let others = || pair().prop_filter("two users", |(one, other)| one != other);
    prop_oneof![
        4 => others().prop_map(|(one, other)| Step::Follow(one, other)),
        1 => others().prop_map(|(one, other)| Step::Unfollow(one, other)),
        2 => (0..PRIVATE, any::<bool>()).prop_map(|(one, accepted)| Step::Answer(one, accepted)),
        1 => others().prop_map(|(one, other)| Step::Block(one, other)),
        1 => others().prop_map(|(one, other)| Step::Unblock(one, other)),
        1 => others().prop_map(|(one, other)| Step::Mute(one, other)),
        1 => others().prop_map(|(one, other)| Step::Unmute(one, other)),
        1 => (0..USERS).prop_map(Step::Turn),
        5 => pair().prop_map(|(one, other)| Step::Share(one, other)),
    ]
}

/// What should be so.
#[derive(Default)]
struct Model {
    follows: BTreeSet<(usize, usize)>,
    /// Wishes that are not granted, or no longer.
    asking: BTreeSet<(usize, usize)>,
    blocks: BTreeSet<(usize, usize)>,
    mutes: BTreeSet<(usize, usize)>,
}

impl Model {
    fn blocked(&self, one: usize, other: usize) -> bool {
        self.blocks.contains(&(one, other)) || self.blocks.contains(&(other, one))
    }

    fn finds(&self, user: usize, owner: usize) -> bool {
        user == owner || (!self.blocked(user, owner) && (owner != PRIVATE || self.follows.contains(&(user, owner))))
    }

    fn hears(&self, user: usize, actor: usize, owner: usize) -> bool {
        let concerned = user == owner || self.follows.contains(&(user, owner));
        user != actor && concerned && !self.blocked(user, actor) && !self.mutes.contains(&(user, actor))
    }
}

/// One case: users of its own on the one server.
struct Case<'a> {
    world: &'a World,
    users: [UserId; USERS],
    posts: Vec<PostId>,
    clients: [Option<TestClient>; USERS],
    model: Model,
}

impl<'a> Case<'a> {
    async fn new(world: &'a World, number: u32) -> Self {
        let users = std::array::from_fn(|user| UserId::new(1_000 + 10 * number + user as u32));
        let private = world.send(users[PRIVATE], "PATCH", "/me", Some(json!({"private": true}))).await;
        assert_eq!(private.json()["private"], true, "{private:?}");
        let mut posts = Vec::new();
        for user in users {
            posts.push(world.posts(user).await);
        }
        let clients = world.clients(users).await.map(Some);
        Self { world, users, posts, clients, model: Model::default() }
    }

    async fn does(&self, one: usize, method: &str, what: &str, other: usize) -> u16 {
        let path = format!("/users/{}/{what}", self.users[other]);
        self.world.send(self.users[one], method, &path, None).await.status
    }

    async fn takes(&mut self, step: Step) {
        match step {
            Step::Follow(one, other) => {
                let status = self.does(one, "PUT", "follow", other).await;
                let blocked = self.model.blocked(one, other);
                assert_eq!(status, if blocked { 404 } else { 200 });
                if !blocked && other != PRIVATE {
                    self.model.follows.insert((one, other));
                } else if !blocked && !self.model.follows.contains(&(one, other)) {
                    self.model.asking.insert((one, other));
                }
            }
            Step::Unfollow(one, other) => {
                assert_eq!(self.does(one, "DELETE", "follow", other).await, 204);
                self.model.follows.remove(&(one, other));
                self.model.asking.remove(&(one, other));
            }
            Step::Answer(one, accepted) => self.answers(one, accepted).await,
            Step::Block(one, other) => {
                assert_eq!(self.does(one, "PUT", "block", other).await, 204);
                self.model.blocks.insert((one, other));
                for pair in [(one, other), (other, one)] {
                    self.model.follows.remove(&pair);
                    self.model.asking.remove(&pair);
                }
            }
            Step::Unblock(one, other) => {
                assert_eq!(self.does(one, "DELETE", "block", other).await, 204);
                self.model.blocks.remove(&(one, other));
            }
            Step::Mute(one, other) => {
                assert_eq!(self.does(one, "PUT", "mute", other).await, 204);
                self.model.mutes.insert((one, other));
            }
            Step::Unmute(one, other) => {
                assert_eq!(self.does(one, "DELETE", "mute", other).await, 204);
                self.model.mutes.remove(&(one, other));
            }
            Step::Turn(user) => {
                self.clients[user] = match self.clients[user].take() {
                    None => Some(self.world.client(self.users[user]).await),
                    Some(client) => {
                        client.closes(1000).await;
                        None
                    }
                }
            }
            Step::Share(actor, owner) => self.shares(actor, owner).await,
        }
    }

    async fn answers(&mut self, one: usize, accepted: bool) {
        let path = format!("/follows/{}", self.users[one]);
        let answer = json!({"accepted": accepted});
        let status = self.world.send(self.users[PRIVATE], "PUT", &path, Some(answer)).await.status;
        let pair = (one, PRIVATE);
        let asked = self.model.asking.remove(&pair) | self.model.follows.remove(&pair);
        assert_eq!(status, if asked { 204 } else { 404 });
        if asked {
            let to = if accepted { &mut self.model.follows } else { &mut self.model.asking };
            to.insert(pair);
        }
    }

    async fn shares(&mut self, actor: usize, owner: usize) {
        let share = json!({"type": "post_action", "post_id": self.posts[owner], "action": "share"});
        let status = self.world.post(self.users[actor], "/messages", share).await.status;
        let found = self.model.finds(actor, owner);
        assert_eq!(status, if found { 202 } else { 404 });
        for (user, client) in self.clients.iter_mut().enumerate() {
            let Some(client) = client else { continue };
            if found && self.model.hears(user, actor, owner) {
                let told = client.expects::<PostAction>().await;
                assert_eq!((told.from, told.post_id), (Some(self.users[actor]), self.posts[owner]));
            }
        }
        for client in self.clients.iter_mut().flatten() {
            client.expects_nothing().await;
        }
    }

    /// What the tables and lists say in the end.
    async fn ends(self) {
        for (owner, user) in self.users.iter().enumerate() {
            let listed = self.world.get(*user, &format!("/users/{user}/followers")).await.json();
            let followers = (0..USERS).filter(|follower| self.model.follows.contains(&(*follower, owner)));
            let followers: Vec<_> = followers.map(|follower| self.users[follower]).collect();
            assert_eq!(listed, json!({"users": followers, "more": false}));
        }
    }
}

#[test]
fn those_hear_who_should_whatever_was_followed_blocked_muted_and_closed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let world = runtime.block_on(World::new());
    let number = std::cell::Cell::new(0);
    // Each case asks a real server a hundred times: fewer than usual, unless more are asked for.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let ran = runner.run(&prop::collection::vec(step(), 1..60), |steps| {
        let count = number.replace(number.get() + 1);
        runtime.block_on(async {
            let mut case = Case::new(&world, count).await;
            for step in steps {
                case.takes(step).await;
            }
            case.ends().await;
        });
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(world.server.stop());
}
