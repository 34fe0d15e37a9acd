//! A disk that is full, a database that is moved, gone, replaced: nothing is acknowledged from memory, and the store
//! comes back by itself.

use std::{fs, sync::Arc};

use tidings_engine::{
    act::{Act, CommitNumber, Op, Outcome, Value},
    ports::MessageStore,
};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::contract::{Opened, Stores, World, act, wait};
use tidings_wire::{ConversationKey, UserId};

use super::{
    small_disk::SmallDisk,
    support::{Folder, Hand, until_healthy},
};

/// One store that both the suite's world and the test hold.
pub(crate) struct Held(pub(crate) SqliteStore);

impl Stores for Held {
    fn open(&self, _: usize) -> Opened {
        Opened::same(Arc::new(self.0.clone()))
    }
}

/// Where the messages go.
pub(crate) fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

/// A message of 16 KiB, under a key.
pub(crate) fn large(world: &World, key: usize) -> Act {
    let body = format!("{{\"content\":\"{}\"}}", "x".repeat(16_384));
    let key = format!("key-{key}").parse().expect("it is a key");
    Act { key: Some((key, [0; 16])), ..act(Some(UserId::new(2)), [Op::Message(world.entry(dm(), body))]) }
}

/// The seqs of all messages that a read finds.
pub(crate) fn seqs(world: &World) -> Vec<u64> {
    wait(world.store().since(CommitNumber(0), 10_000)).into_iter().map(|(_, message)| message.seq).collect()
}

#[test]
fn a_full_disk_answers_unavailable_and_is_written_again_when_there_is_room() {
    let folder = Folder::new();
    let mut options = folder.options(Hand::at(0));
    options.max_bytes = Some(1 << 20);
    let store = SqliteStore::open(options).unwrap();
    let world = World::open(&Held(store.clone()));
    let is_stored = |&key: &usize| match world.settle(large(&world, key)).outcome {
        Outcome::Stored { .. } => true,
        Outcome::Unavailable(_) => false,
        other => panic!("{other:?}"),
    };
    let stored = (0..100).take_while(is_stored).count();
    assert!((10..64).contains(&stored), "{stored} messages of 16 KiB fit into 1 MiB");
    assert!(world.store().health().is_some_and(|wrong| wrong.contains("full")), "{:?}", world.store().health());
    assert_eq!(seqs(&world), (1..=stored as u64).collect::<Vec<_>>(), "reads go on");

    wait(store.set_max_bytes(None));
    let again = world.settle_all((0..200).map(|key| large(&world, key)));
    let repeats = again.iter().filter(|outcome| matches!(outcome, Outcome::Duplicate(_))).count();
    assert_eq!(repeats, stored, "what was acknowledged is known");
    assert_eq!(seqs(&world), (1..=200).collect::<Vec<_>>());
    assert_eq!(world.store().health(), None);
}

#[test]
fn a_disk_without_room_refuses_what_is_kept_and_reads_on() {
    let name = "trouble::a_disk_without_room_refuses_what_is_kept_and_reads_on";
    let Some(disk) = SmallDisk::of_test(name, 4 << 20) else { return };
    let folder = Folder::new();
    let open = || folder.open(Hand::at(0));
    let store = open();
    let world = World::open(&Held(store.clone()));
    let keys = |range: std::ops::Range<usize>| range.map(|key| large(&world, key)).collect::<Vec<_>>();
    let stored =
        |outcomes: &[Outcome]| outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Stored { .. })).count();
    assert_eq!(stored(&world.settle_all(keys(0..10))), 10);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for round in 1..=3 {
        disk.fill();
        let mut there = seqs(&world).len();
        for key in 1_000..1_020 {
            let outcome = world.settle(large(&world, round * 1_000 + key)).outcome;
            assert!(matches!(outcome, Outcome::Stored { .. } | Outcome::Unavailable(_)), "{outcome:?}");
            there += stored(&[outcome]);
            assert_eq!(seqs(&world), (1..=there as u64).collect::<Vec<_>>(), "reads go on");
            assert_eq!(world.seqs(dm(), 7).map(|seqs| seqs.len()), Some(there), "history");
            assert_eq!(world.list(2, None, 10).conversations.len(), 1, "conversations");
            let counted = wait(world.store().query("SELECT count(*) FROM messages".into(), vec![]));
            assert_eq!(counted, [[Value::Int(there as i64)]], "queries");
        }
        assert!(runtime.block_on(store.create_session(UserId::new(2), 9_000)).is_err(), "nor is a session made");
        assert!(world.store().health().is_some());
        disk.free();
        if round == 1 {
            until_healthy(&world);
        }
        let again = world.settle_all(keys(0..10 + round));
        assert_eq!(stored(&again), 1, "what was acknowledged is known, and more is taken: {again:?}");
    }
    let before = seqs(&world);
    world.store().stop();
    drop(world);
    let world = World::open(&Held(open()));
    assert_eq!(seqs(&world), before);
}

#[test]
fn a_disk_that_is_full_before_anybody_read_is_read_and_started_on() {
    let name = "trouble::a_disk_that_is_full_before_anybody_read_is_read_and_started_on";
    let Some(disk) = SmallDisk::of_test(name, 4 << 20) else { return };
    let folder = Folder::new();
    let open = || SqliteStore::open(folder.options(Hand::at(0)));
    let world = World::open(&Held(open().unwrap()));
    for key in 0..40 {
        assert!(matches!(world.settle(large(&world, key)).outcome, Outcome::Stored { .. }));
    }
    disk.fill();
    assert!(matches!(world.settle(large(&world, 40)).outcome, Outcome::Unavailable(_)));
    assert_eq!(seqs(&world).len(), 40, "by a connection that was opened just now");
    world.store().stop();
    drop(world);
    let world = World::open(&Held(open().unwrap()));
    assert_eq!(seqs(&world).len(), 40);
    assert!(matches!(world.settle(large(&world, 40)).outcome, Outcome::Unavailable(_)));
    disk.free();
    assert!(matches!(world.settle(large(&world, 40)).outcome, Outcome::Stored { .. }));
    assert_eq!(seqs(&world).len(), 41);
    world.store().stop();
    drop(world);
    disk.fill();
    assert!(open().is_err(), "after a stop in good order the log's index is made anew, and there is no room for it");
    disk.free();
    assert_eq!(seqs(&World::open(&Held(open().unwrap()))).len(), 41);
}

#[test]
fn a_database_that_was_moved_away_is_not_written_on() {
    let folder = Folder::new();
    let clock = Hand::at(0);
    let store = folder.open(clock.clone());
    let world = World::open(&Held(store.clone()));
    world.send(2, 7);
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(folder.file(), &elsewhere).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let session = runtime.block_on(store.create_session(UserId::new(2), 9_000));
    assert!(session.is_err(), "nor is a session made in it");
    for key in [1, 1, 2] {
        assert!(matches!(world.settle(large(&world, key)).outcome, Outcome::Unavailable(_)));
    }
    assert!(!folder.file().exists(), "no empty one is put in its place");
    fs::rename(&elsewhere, folder.file()).unwrap();
    clock.set(3_600);
    let again = world.settle_all([1, 2, 3].map(|key| large(&world, key)));
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. } | Outcome::Duplicate(_))), "{again:?}");
    assert_eq!(seqs(&world), [1, 2, 3, 4]);
    assert_eq!(world.store().health(), None);
}

#[test]
fn a_folder_that_is_gone_is_not_made_again_and_is_taken_up_when_it_comes_back() {
    let folder = Folder::new();
    let inner = folder.path().join("data");
    let world = World::open(&Held(SqliteStore::open(SqliteOptions::new(&inner, Hand::at(0))).unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    world.send(2, 7);
    assert_eq!(seqs(&world), [1]);
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&inner, &elsewhere).unwrap();
    for key in [1, 2, 2] {
        assert!(matches!(world.settle(large(&world, key)).outcome, Outcome::Unavailable(_)));
        let read = runtime.block_on(world.store().since(CommitNumber(0), 10));
        assert!(read.is_err(), "what is read elsewhere is not what the next start finds: {read:?}");
    }
    assert!(!inner.exists(), "no empty one is put in its place");
    assert!(world.store().health().is_some());
    fs::rename(&elsewhere, &inner).unwrap();
    until_healthy(&world);
    let again = world.settle_all([1, 2, 3].map(|key| large(&world, key)));
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. } | Outcome::Duplicate(_))), "{again:?}");
    assert_eq!(seqs(&world), [1, 2, 3, 4]);
    fs::remove_dir_all(&inner).unwrap();
    for key in [4, 5] {
        assert!(matches!(world.settle(large(&world, key)).outcome, Outcome::Unavailable(_)));
    }
    world.store().stop();
    assert!(!inner.exists());
}

#[test]
fn the_store_comes_back_without_being_asked() {
    let folder = Folder::new();
    let world = World::open(&folder);
    world.send(2, 7);
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(folder.file(), &elsewhere).unwrap();
    assert!(matches!(world.settle(large(&world, 1)).outcome, Outcome::Unavailable(_)));
    fs::rename(&elsewhere, folder.file()).unwrap();
    until_healthy(&world);
    assert!(matches!(world.settle(large(&world, 2)).outcome, Outcome::Stored { .. }));
}

#[test]
fn another_database_in_its_place_is_not_taken_for_it() {
    let folder = Folder::new();
    let clock = Hand::at(0);
    let world = World::open(&Held(folder.open(clock.clone())));
    world.send(2, 7);
    let other = Folder::new();
    other.open(Hand::at(0)).stop();
    for file in ["tidings.db", "tidings.db-wal", "tidings.db-shm"] {
        fs::rename(folder.path().join(file), other.path().join(format!("away-{file}"))).unwrap();
    }
    fs::copy(other.file(), folder.file()).unwrap();
    for time in [0, 3_600] {
        clock.set(time);
        assert!(matches!(world.settle(large(&world, 1)).outcome, Outcome::Unavailable(_)));
    }
    let wrong = world.store().health().unwrap();
    assert!(wrong.contains("another database"), "{wrong}");
}

#[test]
fn commits_and_ids_never_go_back() {
    let folder = Folder::new();
    let world = World::open(&folder);
    for _ in 0..3 {
        world.send(2, 7);
    }
    world.store().stop();
    let last = (world.start.last_commit, world.start.last_id);
    assert_eq!(last, (CommitNumber(0), None));
    drop(world);
    folder.connection().execute_batch("DELETE FROM messages WHERE commit_no > 1").unwrap();
    let world = World::open(&folder);
    assert_eq!(world.start.last_commit, CommitNumber(3));
    assert_eq!(world.start.last_id.map(|id| id.get()), Some(3));
    assert_eq!(world.settle(large(&world, 1)).commit, Some(CommitNumber(4)), "SQLite itself would give 2 again");
}

#[test]
fn the_log_stays_within_its_bound() {
    let folder = Folder::new();
    let mut options = folder.options(Hand::at(0));
    options.log_bytes = 1 << 20;
    let world = World::open(&Held(SqliteStore::open(options).unwrap()));
    let log = folder.path().join("tidings.db-wal");
    let mut longest = 0;
    for key in 0..1_000 {
        assert!(matches!(world.settle(large(&world, key)).outcome, Outcome::Stored { .. }));
        longest = longest.max(fs::metadata(&log).unwrap().len());
    }
    assert!((1 << 20..8 << 20).contains(&longest), "{longest} bytes for 16 MB of messages");
}
