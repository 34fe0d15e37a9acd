//! Private messages in masses, each checked as it comes: none lost, none twice, in order, with a place in its stream.
//!
//! User `u` writes to `u + offset` for some offsets, in turn. The text says how many went to the same user before, so each
//! connection knows what comes next from each sender. Some users have a second connection, which hears what they send.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use serde::Deserialize;

use super::{Api, As, Crowd, Heard};
use crate::support::process::Server;

/// How far from a sender those are whom it writes to; half of the users away, they write back.
const NEAR: [u64; 4] = [1, 7, 12, 25];

/// What reached anybody of each stream: the message's id and text by its seq. Kept over restarts.
#[derive(Default)]
pub(crate) struct Streams(BTreeMap<(u64, u64), BTreeMap<u64, (String, String)>>);

/// A load of so many users on a crowd of their connections.
pub(crate) struct Load<'a> {
    crowd: Crowd,
    state: RefCell<State<'a>>,
}

struct State<'a> {
    streams: &'a mut Streams,
    /// Goes into each text, so that a later load is told from an earlier one.
    name: &'a str,
    /// The user of each connection, and the first connection of each user.
    users: Vec<u64>,
    first: HashMap<u64, usize>,
    senders: Vec<Sender>,
    offsets: Vec<u64>,
    each: u64,
    /// The number of the next message, and the last seq, by connection, sender and receiver.
    expected: HashMap<(usize, u64, u64), u64>,
    heard: u64,
    closes: BTreeMap<u16, usize>,
    gone: usize,
    to_say: Vec<(usize, String)>,
}

#[derive(Clone, Default)]
struct Sender {
    sent: u64,
}

/// A private message as the guide has it.
#[derive(Deserialize)]
struct Private<'a> {
    r#type: &'a str,
    from: u64,
    user_id: u64,
    to: u64,
    content: &'a str,
    conversation: &'a str,
    seq: u64,
    id: &'a str,
}

impl<'a> Load<'a> {
    /// Connects users 1 to `users`, every twentieth of them twice. Each will send `each` messages.
    pub(crate) fn new(server: &Server, name: &'a str, users: u64, each: u64, streams: &'a mut Streams) -> Self {
        let mut crowd = Crowd::new();
        let offsets = NEAR.into_iter().filter(|near| *near < users).chain([users / 2]).collect();
        let mut state = State {
            streams,
            name,
            users: Vec::new(),
            first: HashMap::new(),
            senders: vec![Sender::default(); users as usize],
            offsets,
            each,
            expected: HashMap::new(),
            heard: 0,
            closes: BTreeMap::new(),
            gone: 0,
            to_say: Vec::new(),
        };
        for user in (1..=users).chain((1..=users).step_by(20)) {
            let member = crowd.join(server.address, &user.to_string());
            state.first.entry(user).or_insert(member);
            state.users.push(user);
        }
        Self { crowd, state: RefCell::new(state) }
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.crowd.len()
    }

    /// Lets every user have `window` messages under way until `enough` have reached those whom they are for. A connection that
    /// ends before ends the test.
    pub(crate) fn run(&mut self, window: u64, enough: u64) {
        self.begin(window);
        self.turn_until(|state| {
            assert_eq!((&state.closes, state.gone), (&BTreeMap::new(), 0), "connections ended");
            state.heard >= enough
        });
    }

    /// Goes on until every connection has ended, and gives the close codes with how often each came.
    pub(crate) fn run_out(&mut self) -> BTreeMap<u16, usize> {
        let all = self.crowd.len();
        self.turn_until(|state| state.gone == all);
        self.state.borrow().closes.clone()
    }

    fn begin(&mut self, window: u64) {
        let mut state = self.state.borrow_mut();
        for user in 1..=state.senders.len() as u64 {
            (0..window).for_each(|_| state.next(user));
        }
    }

    fn turn_until(&mut self, mut done: impl FnMut(&State<'_>) -> bool) {
        let state = &self.state;
        self.crowd.turn_until(
            |crowd| {
                let mut state = state.borrow_mut();
                std::mem::take(&mut state.to_say).iter().for_each(|(member, text)| crowd.say(*member, text.as_bytes()));
                done(&state)
            },
            |member, heard| state.borrow_mut().hears(member, &heard),
            || format!("{} messages arrived", state.borrow().heard),
        );
    }
}

impl State<'_> {
    /// The next message of a user, if any is left.
    fn next(&mut self, user: u64) {
        let users = self.senders.len() as u64;
        let sender = &mut self.senders[user as usize - 1];
        if sender.sent == self.each {
            return;
        }
        let turns = self.offsets.len() as u64;
        let (turn, number) = (sender.sent % turns, sender.sent / turns);
        sender.sent += 1;
        let to = (user - 1 + self.offsets[turn as usize]) % users + 1;
        let name = self.name;
        let text = format!(r#"{{"type":"private","to":{to},"content":"{name} {number}"}}"#);
        self.to_say.push((self.first[&user], text));
    }

    fn hears(&mut self, member: usize, heard: &Heard<'_>) {
        match heard {
            Heard::Text(text) => self.takes(member, text),
            Heard::Close(code) => *self.closes.entry(*code).or_default() += 1,
            Heard::Gone => self.gone += 1,
        }
    }

    fn takes(&mut self, member: usize, text: &[u8]) {
        let shown = || String::from_utf8_lossy(text);
        let message: Private<'_> = serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", shown()));
        let (from, to, me) = (message.from, message.to, self.users[member]);
        let is_mine = me == from && self.first[&me] != member;
        assert!(message.type_is_private() && (me == to || is_mine), "user {me} hears {}", shown());
        let pair = (from.min(to), from.max(to));
        assert_eq!(message.conversation, format!("dm:{}:{}", pair.0, pair.1));
        let expected = self.expected.entry((member, from, to)).or_default();
        assert_eq!(message.content, format!("{} {expected}", self.name), "user {me} hears {}", shown());
        *expected += 1;
        let told = (message.id.to_owned(), message.content.to_owned());
        let stream = self.streams.0.entry(pair).or_default();
        let known = stream.entry(message.seq).or_insert_with(|| told.clone());
        assert_eq!(*known, told, "two messages have the seq of {}", shown());
        if self.first[&to] == member {
            self.heard += 1;
            self.next(from);
        }
    }
}

impl Private<'_> {
    fn type_is_private(&self) -> bool {
        self.r#type == "private" && self.user_id == self.from
    }
}

impl Streams {
    /// How many messages reached anybody.
    pub(crate) fn messages(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Checks that the seqs of each stream, taken over all who heard of it, are 1, 2, 3 …
    pub(crate) fn have_no_hole(&self) {
        for (pair, stream) in &self.0 {
            assert!(stream.keys().copied().eq(1..=stream.len() as u64), "{pair:?}: {:?}", stream.keys());
        }
    }

    /// Checks that a `--dev` server has everything that reached anybody, with the same id and text under the same seq, and
    /// that the seqs it has are 1, 2, 3 …
    pub(crate) fn are_kept_by(&self, server: &Server) {
        for (pair, stream) in &self.0 {
            let conversation = format!("dm:{}:{}", pair.0, pair.1);
            let history = Api::of(server, As::Dev(&pair.0.to_string())).history(&conversation).unwrap();
            let seqs = history.iter().map(|message| message["seq"].as_u64().unwrap());
            assert!(seqs.eq(1..=history.len() as u64), "{conversation} has a hole: {history:?}");
            for (seq, (id, content)) in stream {
                let kept = history.get(*seq as usize - 1);
                let kept =
                    kept.unwrap_or_else(|| panic!("{conversation}: {seq} was heard, {} are kept", history.len()));
                assert_eq!((&kept["id"], &kept["content"]), (&id.as_str().into(), &content.as_str().into()), "{kept}");
            }
        }
    }
}
