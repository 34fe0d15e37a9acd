//! Who hears what, against a plain model, through storms of connections, memberships and sends.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tidings_testkit::{Client, World};
use tidings_wire::GroupId;

use crate::messages::{Mine, Shout, private, user, world};

#[derive(Clone, Debug)]
enum Step {
    Connect { user: u32 },
    Disconnect { which: usize, cleanly: bool },
    SetMember { group: u32, user: u32, member: bool },
    Private { which: usize, to: u32 },
    Shout { which: usize, shout: Plan },
    Backend { shout: Plan },
}

#[derive(Clone, Debug)]
struct Plan {
    users: BTreeSet<u32>,
    group: Option<u32>,
    everyone: bool,
    less: BTreeSet<u32>,
    less_group: Option<u32>,
    me: Mine,
}

const USERS: std::ops::Range<u32> = 1..12;
const GROUPS: std::ops::Range<u32> = 1..4;

fn plan() -> impl Strategy<Value = Plan> {
    let users = prop::collection::btree_set(USERS, 0..4);
    let less = prop::collection::btree_set(USERS, 0..3);
    let group = || prop::option::weighted(0.3, GROUPS);
    let me = prop::sample::select(vec![Mine::Nothing, Mine::Other, Mine::Every]);
    (users, group(), prop::bool::weighted(0.2), less, group(), me).prop_map(
        |(users, group, everyone, less, less_group, me)| Plan { users, group, everyone, less, less_group, me },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => USERS.prop_map(|user| Step::Connect { user }),
        3 => (0..64_usize, any::<bool>()).prop_map(|(which, cleanly)| Step::Disconnect { which, cleanly }),
        2 => (GROUPS, USERS, any::<bool>()).prop_map(|(group, user, member)| Step::SetMember { group, user, member }),
        2 => (0..64_usize, USERS).prop_map(|(which, to)| Step::Private { which, to }),
        6 => (0..64_usize, plan()).prop_map(|(which, shout)| Step::Shout { which, shout }),
        2 => plan().prop_map(|shout| Step::Backend { shout }),
    ]
}

/// Connections and memberships, without anything clever.
struct Model {
    world: World,
    connections: Vec<(u32, Client)>,
    members: BTreeMap<u32, BTreeSet<u32>>,
    sent: u32,
}

impl Model {
    fn new(shards: u16, cached_bytes: u64) -> Self {
        let world = world().shards(shards).settings(|settings| settings.group_cache_bytes = cached_bytes).start();
        Self { world, connections: Vec::new(), members: BTreeMap::new(), sent: 0 }
    }

    fn members(&self, group: Option<u32>) -> BTreeSet<u32> {
        group.and_then(|group| self.members.get(&group)).cloned().unwrap_or_default()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Connect { user: id } => self.connections.push((id, self.world.client(user(id)))),
            Step::Disconnect { which, cleanly } if !self.connections.is_empty() => {
                let (_, client) = self.connections.swap_remove(which % self.connections.len());
                if cleanly { client.closes(1000) } else { client.disconnects() }
            }
            Step::SetMember { group, user: id, member } => {
                self.world.backend().set_member(GroupId::new(group), user(id), member);
                let members = self.members.entry(group).or_default();
                if member {
                    members.insert(id)
                } else {
                    members.remove(&id)
                };
            }
            Step::Private { which, to } if !self.connections.is_empty() => {
                let which = which % self.connections.len();
                self.connections[which].1.send(&private(user(to), "hi"));
                let from = self.connections[which].0;
                self.check(|number, id| (id == to || id == from) && number != which);
            }
            Step::Shout { which, shout } if !self.connections.is_empty() => {
                self.shout(which % self.connections.len(), &shout);
            }
            Step::Backend { shout } => self.push(&shout),
            _ => {}
        }
    }

    fn shout(&mut self, which: usize, plan: &Plan) {
        let (from, client) = self.connections[which].clone();
        client.send(&self.message(plan));
        if plan.group.is_some() && !self.members(plan.group).contains(&from) {
            client.expects_error(tidings_wire::Code::NotAMember);
            return self.check(|_, _| false);
        }
        let named = self.named(plan);
        let me = plan.me;
        self.check(|number, id| match me {
            _ if id != from => named.contains(&id),
            Mine::Nothing => false,
            Mine::Other => number != which,
            Mine::Every => true,
        });
    }

    fn push(&mut self, plan: &Plan) {
        let message = self.message(plan);
        let audience = tidings_wire::Message::audience(&message, &tidings_wire::Sender::service("s".into(), None));
        self.world.backend().send_to(audience, &Shout { word: message.word, ..Shout::default() }).expect("it is taken");
        let named = self.named(plan);
        self.check(|_, id| named.contains(&id));
    }

    fn message(&mut self, plan: &Plan) -> Shout {
        self.sent += 1;
        let group = |group: Option<u32>| group.map(GroupId::new).into_iter().collect();
        Shout {
            users: plan.users.iter().copied().map(user).collect(),
            groups: group(plan.group),
            everyone: plan.everyone,
            less: plan.less.iter().copied().map(user).collect(),
            less_groups: group(plan.less_group),
            me: plan.me,
            topics: Vec::new(),
            word: self.sent.to_string(),
        }
    }

    fn named(&self, plan: &Plan) -> BTreeSet<u32> {
        let all: BTreeSet<u32> = if plan.everyone { USERS.collect() } else { &plan.users | &self.members(plan.group) };
        &(&all - &plan.less) - &self.members(plan.less_group)
    }

    /// Each connection has heard one message, or none, as `hears` says.
    fn check(&self, hears: impl Fn(usize, u32) -> bool) {
        for (number, (id, client)) in self.connections.iter().enumerate() {
            let expected = usize::from(hears(number, *id));
            let texts = client.texts();
            assert_eq!(texts.len(), expected, "connection {number} of user {id} heard {texts:?}");
            client.expects_nothing();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_comes_and_goes_those_hear_whom_a_plain_model_names(
        shards in 1..4_u16,
        cached_bytes in prop::sample::select(vec![1_u64, 1 << 20]),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new(shards, cached_bytes);
        steps.into_iter().for_each(|step| model.take(step));
    }
}
