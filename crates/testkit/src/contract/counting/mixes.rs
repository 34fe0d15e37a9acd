//! Random mixes, the same in each run, done by a store and by the model.

use smallvec::smallvec;
use tidings_engine::{
    act::{Act, Change, Entry, Op, Outcome, Require},
    ports::{Line, Page},
};
use tidings_wire::{Code, ConversationKey, GroupId, Seq, UserId};

use super::model::{No, Stream, Told, told};
use crate::contract::{
    stores::Stores,
    world::{World, act, wait},
};

/// Mixes, each of users and streams of its own.
const MIXES: u32 = 2_000;

/// Steps of a mix.
const STEPS: u64 = 24;

/// Users of a mix. The first two have a dm.
const USERS: u32 = 3;

/// Whatever was done, what is unread and what is shown is what a plain count finds.
pub fn counts_and_pages_are_those_of_a_plain_model(stores: &dyn Stores) {
    let world = World::open(stores);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for number in 1..=MIXES {
        let mut mix = Mix::new(&world, &mut random, number);
        let mut waiting = Vec::new();
        for _ in 0..STEPS {
            match mix.random.below(16) {
                0 => mix.prune(&mut waiting),
                1 if mix.random.below(4) == 0 => mix.erase(&mut waiting),
                _ => waiting.push(mix.act()),
            }
        }
        mix.settle(&mut waiting);
        mix.check();
    }
}

/// Xorshift, by George Marsaglia (Journal of Statistical Software 8(14), 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

/// What the model says comes of an act: the marks that moved with what is unread then, or the refusal.
type Expected = Result<Vec<(Seq, u64)>, Code>;

struct Mix<'a> {
    world: &'a World,
    random: &'a mut Random,
    number: u32,
    kinds: [&'static str; 2],
    keys: [ConversationKey; 2],
    /// The dm and the group.
    streams: [Stream; 2],
    /// The time of the last entry.
    now_ms: i64,
    begin_ms: i64,
}

impl<'a> Mix<'a> {
    fn new(world: &'a World, random: &'a mut Random, number: u32) -> Self {
        let kind = |letter: char| &*Box::leak(format!("{letter}{number}").into_boxed_str());
        let user = |which: u32| UserId::new(number * USERS + which);
        let now_ms = world.entry(ConversationKey::dm(user(0), user(1)), "{}").created_at_ms;
        Self {
            world,
            random,
            number,
            kinds: ['a', 'b'].map(kind),
            keys: [ConversationKey::dm(user(0), user(1)), ConversationKey::Group(GroupId::new(number))],
            streams: [Stream::dm([0, 1].map(|user| number * USERS + user)), Stream::default()],
            now_ms,
            begin_ms: now_ms,
        }
    }

    fn user(&mut self) -> u32 {
        self.number * USERS + self.random.below(u64::from(USERS)) as u32
    }

    /// A user, or nobody.
    fn anybody(&mut self) -> Option<u32> {
        Some(self.user()).filter(|_| self.random.below(5) > 0)
    }

    /// An act of one to three operations, done by the model already.
    fn act(&mut self) -> (Act, Expected) {
        let sender = self.anybody();
        let before = self.streams.clone();
        let count = 1 + self.random.below(4) / 2;
        let mut done = act(sender.map(UserId::new), []);
        let mut expected = Ok(Vec::new());
        if let Some(sender) = sender
            && self.random.below(2) == 0
        {
            done.require = smallvec![Require::Member(GroupId::new(self.number), UserId::new(sender))];
            if !self.streams[1].is_member(sender) {
                expected = Err(Code::NotAMember);
            }
        }
        for _ in 0..count {
            let (op, came) = self.op(sender);
            done.ops.push(op);
            match (&mut expected, came) {
                (Ok(reads), Ok(moved)) => reads.extend(moved),
                (Ok(_), Err(No::NotFound)) => expected = Err(Code::NotFound),
                (Ok(_), Err(No::NotAllowed)) => expected = Err(Code::NotAllowed),
                (Err(_), _) => {}
            }
        }
        if expected.is_err() {
            self.streams = before;
        }
        (done, expected)
    }

    fn op(&mut self, sender: Option<u32>) -> (Op, Result<Option<(Seq, u64)>, No>) {
        let which = usize::from(self.random.below(4) > 0);
        let key = self.keys[which];
        let seq = self.random.below(self.streams[which].head() + 2);
        match self.random.below(20) {
            0..=7 => {
                // A user who is none of the two sends nothing to a dm.
                let third = which == 0 && sender.is_some_and(|sender| sender % USERS == 2);
                let which = if third { 1 } else { which };
                let kind = self.kinds[self.random.below(2) as usize];
                let blocker = self.blocker(which, sender);
                let withheld = blocker.map(UserId::new);
                let entry = Entry { kind, withheld, ..self.world.entry(self.keys[which], "{}") };
                self.now_ms = entry.created_at_ms;
                self.streams[which].send(sender, kind, entry.created_at_ms, blocker);
                (Op::Message(entry), Ok(None))
            }
            8..=11 => {
                let by = self.anybody();
                let edit = self.random.below(2) == 0;
                let op = self.world.change(key, seq, by, edit.then_some("{}"));
                let Op::Change(change) = op else { unreachable!("it is a change") };
                self.now_ms = change.at_ms;
                let blocker = self.blocker(which, by);
                let came = self.streams[which].change(seq, by, (edit, change.at_ms), blocker);
                (Op::Change(Change { withheld: blocker.map(UserId::new), ..change }), came.map(|()| None))
            }
            12..=14 => {
                let user = self.user();
                (Op::Read(key, UserId::new(user), seq), self.streams[which].read(user, seq))
            }
            what => {
                let (user, group) = (self.user(), GroupId::new(self.number));
                if what < 18 {
                    self.streams[1].join(user);
                    (Op::Join(group, UserId::new(user)), Ok(None))
                } else {
                    self.streams[1].leave(user);
                    (Op::Leave(group, UserId::new(user)), Ok(None))
                }
            }
        }
    }

    /// The other of the dm's two, now and then: has blocked whoever acts.
    fn blocker(&mut self, which: usize, by: Option<u32>) -> Option<u32> {
        let other = match by?.checked_sub(self.number * USERS)? {
            0 => 1,
            1 => 0,
            _ => return None,
        };
        (which == 0 && self.random.below(3) == 0).then_some(self.number * USERS + other)
    }

    /// Has the store do what waits, all at once, and compares what comes of each.
    fn settle(&mut self, waiting: &mut Vec<(Act, Expected)>) {
        let (acts, expected): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        let told = self.world.settle_all(acts);
        for (outcome, expected) in told.into_iter().zip(expected) {
            let came = match &outcome {
                Outcome::Stored { reads, .. } => Ok(reads.iter().map(|mark| (mark.seq, mark.unread)).collect()),
                Outcome::Refused(reject) => Err(reject.code),
                other => panic!("mix {}: {other:?}", self.number),
            };
            assert_eq!(came, expected, "mix {}: {outcome:?}", self.number);
        }
    }

    fn prune(&mut self, waiting: &mut Vec<(Act, Expected)>) {
        self.settle(waiting);
        let kind = self.kinds[self.random.below(2) as usize];
        let before_ms = self.begin_ms + self.random.below((self.now_ms - self.begin_ms) as u64 + 2) as i64;
        let limit = 1 + self.random.below(5);
        let old = |which: usize| self.streams[which].old(kind, before_ms).map(move |(time, at)| (time, which, at));
        let mut all: Vec<_> = old(0).chain(old(1)).collect();
        all.sort_unstable();
        all.truncate(limit as usize);
        for &(_, which, at) in &all {
            self.streams[which].take(at);
        }
        assert_eq!(wait(self.world.store().prune(kind, before_ms, limit as u32)), all.len() as u64);
    }

    fn erase(&mut self, waiting: &mut Vec<(Act, Expected)>) {
        self.settle(waiting);
        let user = self.user();
        let count: u64 = self.streams.iter_mut().map(|stream| stream.erase(user)).sum();
        let erased = wait(self.world.store().erase(UserId::new(user)));
        assert_eq!((erased.messages, erased.more), (count, false), "mix {}", self.number);
    }

    fn check(&mut self) {
        let first = self.number * USERS;
        let acquainted = wait(self.world.store().acquainted(UserId::new(first), vec![UserId::new(first + 1)]));
        let share = self.streams[0].met || [first, first + 1].iter().all(|user| self.streams[1].is_member(*user));
        assert_eq!(!acquainted.is_empty(), share, "mix {}", self.number);
        for user in first..first + USERS {
            let page = self.world.list(user, None, 100).conversations;
            let mut listed = 0;
            for which in 0..2 {
                let key = self.keys[which];
                let about = format!("mix {}, {key}, user {user}", self.number);
                let found = page.iter().find(|summary| summary.conversation == key);
                let line = found.map(|found| (found.head, found.read, found.unread));
                assert_eq!(line, self.streams[which].line(user), "{about}");
                let last = found.and_then(|found| found.last.as_ref()).map(|last| last.seq);
                assert_eq!(last, self.streams[which].last(user), "{about}");
                listed += usize::from(found.is_some());
                self.check_pages(which, user, &about);
            }
            assert_eq!(listed, page.len());
        }
    }

    fn check_pages(&mut self, which: usize, user: u32, about: &str) {
        let expected = self.streams[which].page(user);
        let limit = 1 + self.random.below(8) as u32;
        let first = self.world.history(self.keys[which], user, Page { before: None, after: None, limit });
        let oldest = first.as_ref().map(|page| page.oldest);
        assert_eq!(oldest, expected.as_ref().map(|(oldest, _)| *oldest), "{about}");
        let Some((_, expected)) = expected else { return };
        let standing = wait(self.world.store().standings(UserId::new(user), vec![self.keys[which]]))[0];
        assert_eq!(standing.map(|standing| standing.oldest), oldest, "{about}");
        for onwards in [true, false] {
            let lines = self.walk(which, user, onwards, limit);
            assert_eq!(joined(lines), expected, "{about}, onwards {onwards}, by {limit}");
        }
    }

    /// All pages in one direction, as lines in ascending order.
    fn walk(&self, which: usize, user: u32, onwards: bool, limit: u32) -> Vec<Told> {
        let mut page = if onwards { Page::after(0, limit) } else { Page { before: None, after: None, limit } };
        let mut pages = Vec::new();
        loop {
            let read = self.world.history(self.keys[which], user, page).expect("it is seen");
            assert!(read.lines.len() <= limit as usize);
            let lines: Vec<_> = read.lines.iter().map(told).collect();
            let (Some(first), Some(last)) = (lines.first().copied(), read.lines.last().map(Line::last)) else { break };
            if onwards {
                page.after = Some(last);
            } else {
                page.before = Some(first.0);
            }
            pages.push(lines);
            if !read.more {
                break;
            }
        }
        if !onwards {
            pages.reverse();
        }
        pages.concat()
    }
}

/// Skips that a page's end cut in two are one again.
fn joined(lines: Vec<Told>) -> Vec<Told> {
    let mut joined: Vec<Told> = Vec::new();
    for line in lines {
        match joined.last_mut() {
            Some((_, last, false)) if !line.2 && *last + 1 == line.0 => *last = line.1,
            _ => joined.push(line),
        }
    }
    joined
}
