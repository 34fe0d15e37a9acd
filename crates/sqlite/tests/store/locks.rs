//! Another process at the database: an operator's shell that holds the lock for longer than the store waits.

use std::{
    io::{BufRead, BufReader, Lines, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

use rusqlite::Connection;
use tidings_engine::{act::Outcome, ports::MessageStore};
use tidings_sqlite::FILE;
use tidings_testkit::contract::World;
use tidings_wire::UserId;

use super::{
    support::{Folder, Hand, until_healthy},
    trouble::{Held, dm, large, seqs},
};

/// Names the folder, in the process that locks.
const FOLDER: &str = "TIDINGS_TEST_LOCK_FOLDER";

/// What that process says when it has the lock.
const LOCKED: &str = "the lock is held";

/// The process that locks, until its input ends. Run as a test, it has nothing to do.
#[test]
fn a_process_that_locks() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let connection = Connection::open(std::path::Path::new(&folder).join(FILE)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE; UPDATE meta SET node = 9;").unwrap();
    println!("{LOCKED}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    connection.execute_batch("ROLLBACK").unwrap();
}

/// A process that has the lock. Killed when dropped.
struct Locker {
    child: Child,
    /// Held until it ends, so that it can say what it likes.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Locker {
    fn of(folder: &Folder) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("the test knows its file"))
            .args(["--exact", "locks::a_process_that_locks", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the process starts");
        let mut said = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let is_locked = said.by_ref().map_while(Result::ok).any(|line| line.contains(LOCKED));
        let locker = Self { child, _said: said };
        assert!(is_locked, "the process does not lock");
        locker
    }

    /// Lets go in good order.
    fn release(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("it can be waited for");
    }
}

impl Drop for Locker {
    fn drop(&mut self) {
        // It has ended already where it was released.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_lock_of_another_process_answers_unavailable_until_it_is_gone() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    let world = World::open(&Held(store.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ends: [fn(Locker); 2] = [Locker::release, drop];
    world.send(2, 7);
    for (there, end) in (1..).zip(ends) {
        let locker = Locker::of(&folder);
        for _ in 0..2 {
            assert!(matches!(world.settle(large(&world, there)).outcome, Outcome::Unavailable(_)));
            assert_eq!(seqs(&world), (1..=there as u64).collect::<Vec<_>>(), "reads go on");
            assert_eq!(world.seqs(dm(), 7).map(|seqs| seqs.len()), Some(there));
        }
        let session = runtime.block_on(store.create_session(UserId::new(2), 9_000));
        assert!(session.is_err(), "nor is a session made");
        assert!(world.store().health().is_some_and(|wrong| wrong.contains("locked")), "{:?}", world.store().health());
        end(locker);
        until_healthy(&world);
        assert!(matches!(world.settle(large(&world, there)).outcome, Outcome::Stored { .. }));
    }
    assert_eq!(seqs(&world), [1, 2, 3]);
}

#[test]
fn a_start_beside_a_lock_opens_and_keeps_when_it_can() {
    let folder = Folder::new();
    folder.open(Hand::at(0)).stop();
    let locker = Locker::of(&folder);
    let world = World::open(&folder);
    assert_eq!(seqs(&world).len(), 0);
    assert!(matches!(world.settle(large(&world, 1)).outcome, Outcome::Unavailable(_)));
    locker.release();
    assert!(matches!(world.settle(large(&world, 1)).outcome, Outcome::Stored { .. }));
}
