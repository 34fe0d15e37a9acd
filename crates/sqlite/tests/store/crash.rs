//! `kill -9` in the middle of commits: what was acknowledged is there, and no stream has a hole.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

use tidings_engine::{
    act::{CommitNumber, Outcome},
    ports::MessageStore,
};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::contract::{Opened, Stores, World, wait};
use tidings_wire::{ConversationKey, Key, UserId};

use super::support::{Folder, Hand};

/// Names the folder, in the process that is to be killed.
const FOLDER: &str = "TIDINGS_TEST_CRASH_FOLDER";

/// Messages under way at once.
const UNDER_WAY: u64 = 64;

struct At(std::path::PathBuf);

impl Stores for At {
    fn open(&self, _: usize) -> Opened {
        Opened::same(Arc::new(SqliteStore::open(SqliteOptions::new(&self.0, Hand::at(0))).expect("the store opens")))
    }
}

fn pair(number: u64) -> (UserId, ConversationKey) {
    let from = UserId::new((number % 5) as u32);
    (from, ConversationKey::dm(from, UserId::new(100 + (number % 3) as u32)))
}

/// The process that is killed: it sends without end and says what was acknowledged. Run as a test, it has nothing to do.
#[test]
fn a_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let world = World::open(&At(folder.into()));
    let mut number = world.start.last_commit.0 * 1_000;
    let mut next = || {
        number += 1;
        let (from, to) = pair(number);
        world.keyed(from, to, (&format!("{number}"), 0))
    };
    world.submit((0..UNDER_WAY).map(|_| next()).collect::<Vec<_>>());
    let mut out = std::io::stdout().lock();
    loop {
        let settled = world.next();
        let Outcome::Stored { receipts, .. } = settled.outcome else { panic!("{settled:?}") };
        let (key, _) = settled.act.key.unwrap();
        writeln!(out, "acknowledged {key} {} {}", receipts[0].conversation, receipts[0].seq).unwrap();
        world.submit([next()]);
    }
}

/// Starts the process, kills it after so many acknowledgements, and returns all that it gave.
fn killed_after(folder: &Folder, acknowledgements: usize) -> Vec<(Key, ConversationKey, u64)> {
    let mut child = Command::new(std::env::current_exe().expect("the test knows its file"))
        .args(["--exact", "crash::a_process_that_is_killed", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the process starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines().map_while(Result::ok);
    let read = |line: String| {
        let mut words = line.strip_prefix("acknowledged ")?.split(' ');
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    };
    let mut acknowledged: Vec<_> = lines.by_ref().filter_map(read).take(acknowledgements).collect();
    child.kill().expect("it can be killed");
    child.wait().expect("it can be waited for");
    acknowledged.extend(lines.filter_map(read));
    acknowledged
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_no_stream_has_a_hole() {
    let rounds = if std::env::var_os("TIDINGS_THOROUGH").is_some() { 40 } else { 4 };
    let folder = Folder::new();
    let mut total = 0;
    for _ in 0..rounds {
        let acknowledged = killed_after(&folder, rand::random_range(1..3_000));
        assert!(!acknowledged.is_empty());
        total += acknowledged.len();
        let store = folder.open(Hand::at(0));
        for (key, conversation, seq) in acknowledged {
            let number: u64 = key.as_str().parse().unwrap();
            let found = wait(store.keyed(pair(number).0, key.clone()));
            let found = found.map(|(receipt, _)| (receipt.conversation, receipt.seq));
            assert_eq!(found, Some((conversation, seq)), "{key} was acknowledged");
        }
        store.stop();
    }
    let store = folder.open(Hand::at(0));
    let log = wait(store.since(CommitNumber(0), u32::MAX));
    assert!(log.len() >= total);
    let mut heads = HashMap::new();
    for (_, message) in log {
        let head = heads.entry(message.conversation).or_insert(0);
        assert_eq!(message.seq, *head + 1, "{:?}", message.conversation);
        *head = message.seq;
    }
}
