//! A group's stream against a plain model: who hears what, while joins, leaves and messages are under way together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use tidings_engine::Settings;
use tidings_testkit::{Client, Pending, World};
use tidings_wire::{GroupId, Reject, UserId};

use crate::messages::{Group, user, world};

#[derive(Clone, Debug)]
enum Step {
    SetMember { group: u32, user: u32, member: bool },
    Send { which: usize, group: u32 },
    Hold,
    GoOn,
    Reconnect { which: usize },
}

const USERS: std::ops::Range<u32> = 1..5;
const GROUPS: std::ops::Range<u32> = 1..4;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (GROUPS, USERS, prop::bool::weighted(0.6))
            .prop_map(|(group, user, member)| Step::SetMember { group, user, member }),
        8 => (0..6_usize, GROUPS).prop_map(|(which, group)| Step::Send { which, group }),
        2 => Just(Step::Hold),
        2 => Just(Step::GoOn),
        1 => (0..6_usize).prop_map(|which| Step::Reconnect { which }),
    ]
}

/// What was submitted and is not committed.
enum Act {
    SetMember { group: u32, user: u32, member: bool },
    Send { from: usize, connection: u64, group: u32, word: String },
}

/// What a connection is to hear.
#[derive(Debug, PartialEq)]
enum Heard {
    Message { group: u32, seq: u64, word: String },
    NotAMember,
}

struct Line {
    user: u32,
    client: Client,
    /// Another one after each reconnection.
    connection: u64,
    expected: Vec<Heard>,
}

struct Model {
    world: World,
    lines: Vec<Line>,
    held: bool,
    queue: VecDeque<Act>,
    members: BTreeMap<u32, BTreeSet<u32>>,
    seqs: BTreeMap<u32, u64>,
    calls: Vec<Pending<Result<(), Reject>>>,
    count: u64,
}

impl Model {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let world = world().settings(change).start();
        let line = |id| Line { user: id, client: world.client(user(id)), connection: 0, expected: Vec::new() };
        // The first two users have a second connection.
        let lines = [1, 2, 3, 4, 1, 2].map(line).into();
        let (queue, calls) = (VecDeque::new(), Vec::new());
        Self { world, lines, held: false, queue, members: BTreeMap::new(), seqs: BTreeMap::new(), calls, count: 0 }
    }

    fn take(&mut self, step: Step) {
        self.count += 1;
        match step {
            Step::SetMember { group, user: id, member } => {
                let call = self.world.backend().begins_set_member(GroupId::new(group), user(id), member);
                self.calls.push(call);
                self.queue.push_back(Act::SetMember { group, user: id, member });
            }
            Step::Send { which, group } => self.send(which, group),
            Step::Hold => {
                self.held = true;
                self.world.store().holds();
            }
            Step::GoOn => {
                self.held = false;
                self.world.store().goes_on();
            }
            Step::Reconnect { which } => {
                self.check(which);
                let line = &mut self.lines[which];
                line.client.disconnects();
                line.client = self.world.client(user(line.user));
                line.connection = self.count;
            }
        }
        if !self.held {
            self.commit();
        }
    }

    fn send(&mut self, from: usize, group: u32) {
        let word = self.count.to_string();
        let Line { user: id, client, connection, expected } = &mut self.lines[from];
        client.send(&Group { group_id: GroupId::new(group), content: word.clone() });
        if self.members.get(&group).is_some_and(|members| members.contains(id)) {
            self.queue.push_back(Act::Send { from, connection: *connection, group, word });
        } else {
            expected.push(Heard::NotAMember);
        }
    }

    fn commit(&mut self) {
        while let Some(act) = self.queue.pop_front() {
            match act {
                Act::SetMember { group, user: id, member } => {
                    let members = self.members.entry(group).or_default();
                    if member {
                        members.insert(id)
                    } else {
                        members.remove(&id)
                    };
                }
                Act::Send { from, connection, group, word } => self.deliver(from, connection, group, &word),
            }
        }
    }

    fn deliver(&mut self, from: usize, connection: u64, group: u32, word: &str) {
        let members = self.members.entry(group).or_default();
        let sender = self.lines[from].user;
        if !members.contains(&sender) {
            // Whoever has reconnected meanwhile does not hear of it.
            if self.lines[from].connection == connection {
                self.lines[from].expected.push(Heard::NotAMember);
            }
            return;
        }
        let seq = self.seqs.entry(group).or_default();
        *seq += 1;
        for (number, line) in self.lines.iter_mut().enumerate() {
            if members.contains(&line.user) && (number != from || line.connection != connection) {
                line.expected.push(Heard::Message { group, seq: *seq, word: word.to_owned() });
            }
        }
    }

    fn check(&mut self, which: usize) {
        let Line { client, expected, .. } = &mut self.lines[which];
        let heard: Vec<_> = client.texts().iter().map(|text| heard(text)).collect();
        assert_eq!(heard, std::mem::take(expected), "connection {which}");
        client.expects_nothing();
    }
}

fn heard(text: &str) -> Heard {
    let json: serde_json::Value = serde_json::from_str(text).expect("a frame is JSON");
    if json["type"] == "error" {
        assert_eq!(json["code"], "not_a_member");
        return Heard::NotAMember;
    }
    let group: u32 = serde_json::from_value(json["group_id"].clone()).expect("a small id");
    let from: UserId = serde_json::from_value(json["from"].clone()).expect("an id");
    assert!(USERS.map(user).any(|user| user == from));
    let seq = json["seq"].as_u64().expect("kept messages have a seq");
    Heard::Message { group, seq, word: json["content"].as_str().expect("content").to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_connection_hears_the_messages_of_the_members_as_of_the_commit(
        shards in 1..4_u16,
        mailbox in prop::sample::select(vec![1_usize, 1_000]),
        cached_bytes in prop::sample::select(vec![1_u64, 1 << 20]),
        steps in prop::collection::vec(step(), 1..90),
    ) {
        let mut model = Model::new(|settings| {
            settings.shards = shards;
            settings.mailbox_publications = mailbox;
            settings.group_cache_bytes = cached_bytes;
        });
        steps.into_iter().for_each(|step| model.take(step));
        model.take(Step::GoOn);
        (0..model.lines.len()).for_each(|which| model.check(which));
        model.calls.into_iter().for_each(|call| call.answer().expect("the membership is changed"));
    }
}
