//! Backups beside a working store, and their being put back.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;
use tidings_engine::act::{CommitNumber, Op};
use tidings_sqlite::{BackupError, SqliteOptions, SqliteStore, backup, restore};
use tidings_testkit::contract::{Opened, Stores, World, act, wait};
use tidings_wire::{ConversationKey, UserId};

use super::support::{Folder, Hand};

/// A store that the world and the test hold.
struct Held(SqliteStore);

impl Stores for Held {
    fn open(&self, _: usize) -> Opened {
        Opened::same(Arc::new(self.0.clone()))
    }
}

fn dm() -> ConversationKey {
    ConversationKey::dm(UserId::new(2), UserId::new(7))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it is read"));
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a store in the folder says at its start, and the seqs that it has.
fn look(folder: &Path) -> (String, CommitNumber, Vec<u64>) {
    let store = SqliteStore::open(SqliteOptions::new(folder, Hand::at(0))).expect("it opens");
    let world = World::open(&Held(store));
    let log = wait(world.store().since(CommitNumber(0), 10_000));
    let start = (world.start.epoch.to_string(), world.start.last_commit);
    world.store().stop();
    (start.0, start.1, log.into_iter().map(|(_, message)| message.seq).collect())
}

/// A folder with three messages, stopped, and a backup of it with the first two.
fn with_backup() -> (Folder, PathBuf) {
    let folder = Folder::new();
    let world = World::open(&folder);
    let file = folder.path().join("backup");
    for _ in 0..2 {
        world.send(2, 7);
    }
    backup(folder.path(), &file).expect("it is copied");
    world.send(2, 7);
    world.store().stop();
    (folder, file)
}

#[test]
fn a_backup_beside_commits_is_whole_and_as_of_one_moment() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    let world = World::open(&Held(store.clone()));
    for _ in 0..10 {
        world.send(2, 7);
    }
    let files: Vec<_> = (0..5).map(|number| folder.path().join(format!("backup-{number}"))).collect();
    let written = std::thread::scope(|scope| {
        let copying = scope.spawn(|| files.iter().for_each(|file| store.backup(file).unwrap()));
        let mut written = 10;
        while !copying.is_finished() {
            let group = tidings_wire::GroupId::new(5);
            let message =
                world.entry(ConversationKey::Group(group), format!("{{\"content\":\"{}\"}}", "x".repeat(2_000)));
            // Both or neither are in a copy.
            world.settle(act(Some(UserId::new(2)), [Op::Message(message), Op::Message(world.entry(dm(), "{}"))]));
            written += 1;
        }
        written
    });
    assert!(written > 10, "it goes on meanwhile");
    for file in &files {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let copy = Connection::open(file).unwrap();
        let one = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(copy.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
        let (in_dm, in_group) = (
            one("SELECT count(*) FROM messages m JOIN conversations c ON c.id = conversation WHERE kind = 'dm'"),
            one("SELECT count(*) FROM messages m JOIN conversations c ON c.id = conversation WHERE kind = 'group'"),
        );
        assert_eq!(in_dm, in_group + 10);
        assert_eq!(one("SELECT last_commit FROM meta"), one("SELECT max(commit_no) FROM messages"));
    }
    assert!(!names(folder.path()).iter().any(|name| name.contains("part")), "{:?}", names(folder.path()));
}

#[test]
fn whoever_opens_a_copy_begins_another_epoch_once() {
    let (folder, file) = with_backup();
    let (epoch, last, seqs) = look(folder.path());
    assert_eq!((last, seqs), (CommitNumber(3), vec![1, 2, 3]));
    let mut epochs = vec![epoch.clone()];
    for _ in 0..2 {
        let other = Folder::new();
        fs::copy(&file, other.file()).unwrap();
        let (epoch, last, seqs) = look(other.path());
        assert_eq!(seqs, [1, 2]);
        assert!(last > CommitNumber(1 << 32), "{last}: commit 3 was given already");
        assert_eq!(look(other.path()), (epoch.clone(), last, seqs), "it is no copy any more");
        epochs.push(epoch);
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 3, "{epochs:?}");
    assert_eq!(look(folder.path()).0, epoch, "being copied changes nothing");
}

#[test]
fn a_backup_replaces_nothing_and_comes_from_somewhere() {
    let (folder, file) = with_backup();
    let before = (fs::read(&file).unwrap(), names(folder.path()));
    assert!(matches!(backup(folder.path(), &file), Err(BackupError::Exists { .. })));
    assert!(matches!(backup(folder.path(), folder.path()), Err(BackupError::Exists { .. })));
    assert!(matches!(backup(folder.path(), &folder.path().join("no/where")), Err(BackupError::Copy { .. })));
    let empty = Folder::new();
    assert!(matches!(backup(empty.path(), &folder.path().join("other")), Err(BackupError::Missing { .. })));
    assert!((fs::read(&file).unwrap(), names(folder.path())) == before);
    assert_eq!(names(empty.path()), Vec::<String>::new());
}

#[test]
fn a_restored_database_goes_on_in_another_epoch() {
    let (folder, file) = with_backup();
    let (epoch, ..) = look(folder.path());
    let other = Folder::new();
    let inner = other.path().join("a/b");
    for round in 0..2 {
        assert_eq!(restore(&file, &inner, round > 0).unwrap().kept.is_some(), round > 0);
        assert_eq!(
            names(&inner).into_iter().filter(|name| !name.contains("replaced")).collect::<Vec<_>>(),
            ["tidings.db"]
        );
        let (restored, _, seqs) = look(&inner);
        assert_ne!(restored, epoch);
        assert_eq!(seqs, [1, 2]);
    }
    let store = SqliteStore::open(SqliteOptions::new(&inner, Hand::at(0))).unwrap();
    let world = World::open(&Held(store));
    let again = world.settle(world.message(UserId::new(2), dm()));
    assert!(again.commit > Some(CommitNumber(1 << 32)), "{again:?}");
    assert_eq!(world.seqs(dm(), 7), Some(vec![1, 2, 3]));
}

#[test]
fn a_database_is_replaced_only_when_told_and_kept_with_its_log() {
    let (folder, file) = with_backup();
    let world = World::open(&folder);
    world.send(2, 7);
    // As a process leaves it that is killed: commits that stand in the log alone.
    let killed = Folder::new();
    for name in ["tidings.db", "tidings.db-wal"] {
        fs::copy(folder.path().join(name), killed.path().join(name)).unwrap();
    }
    let before = names(killed.path());
    assert!(matches!(restore(&file, killed.path(), false), Err(BackupError::Occupied { .. })));
    assert_eq!(names(killed.path()), before);
    let kept = restore(&file, killed.path(), true).unwrap().kept.unwrap();
    assert_eq!(kept, killed.path().join("tidings.db.replaced-1"));
    assert_eq!(look(killed.path()).2, [1, 2]);
    let back = Folder::new();
    restore(&kept, back.path(), false).unwrap();
    assert_eq!(look(back.path()).2, [1, 2, 3, 4]);
    assert_eq!(restore(&file, killed.path(), true).unwrap().kept, Some(killed.path().join("tidings.db.replaced-2")));
}

#[test]
fn a_broken_database_is_kept_as_it_is_and_its_log_touches_nothing() {
    let (folder, file) = with_backup();
    let broken = Folder::new();
    let letter = "a letter, not a database\n".repeat(400);
    fs::write(broken.file(), &letter).unwrap();
    fs::write(broken.path().join("tidings.db-wal"), "a log of something else").unwrap();
    fs::write(broken.path().join("tidings.db-shm"), "").unwrap();
    let kept = restore(&file, broken.path(), true).unwrap().kept.unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), letter);
    assert_eq!(look(broken.path()).2, [1, 2]);
    // A log without a database would be taken for the new one's.
    let stale = Folder::new();
    fs::copy(folder.file(), stale.path().join("tidings.db-wal")).unwrap();
    restore(&file, stale.path(), false).unwrap();
    assert_eq!(names(stale.path()), ["tidings.db"]);
    assert_eq!(look(stale.path()).2, [1, 2]);
}

#[test]
fn what_is_no_backup_is_refused_and_changes_nothing() {
    let (folder, file) = with_backup();
    let bad = folder.path().join("bad");
    let target = Folder::new();
    World::open(&target).store().stop();
    let before = (fs::read(target.file()).unwrap(), names(target.path()));
    let refused = || {
        let refused = restore(&bad, target.path(), true).unwrap_err();
        assert!((fs::read(target.file()).unwrap(), names(target.path())) == before, "{refused}");
        refused
    };
    assert!(matches!(refused(), BackupError::Copy { .. }), "there is no such file");
    for bytes in [b"".to_vec(), b"a letter".repeat(1_000), fs::read(&file).unwrap()[..20_000].to_vec()] {
        fs::write(&bad, bytes).unwrap();
        assert!(matches!(refused(), BackupError::NoBackup { .. }));
    }
    fs::write(folder.path().join("bad-wal"), "commits").unwrap();
    assert!(matches!(refused(), BackupError::Live { .. }));
    fs::remove_file(folder.path().join("bad-wal")).unwrap();
    fs::copy(&file, &bad).unwrap();
    let newer = "INSERT INTO tidings_migrations VALUES (9000, 'later', '2040-01-01T00:00:00Z', '1')";
    Connection::open(&bad).unwrap().execute(newer, []).unwrap();
    assert!(matches!(refused(), BackupError::Newer { found: 9_000, .. }));
}
