//! The database's file: who may read it, what a start does to it.

use std::{fs, os::unix::fs::PermissionsExt};

use tidings_engine::{act::CommitNumber, ports::MessageStore};
use tidings_sqlite::{OpenError, SqliteStore};
use tidings_testkit::contract::{World, wait};

use super::support::{Folder, Hand};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

#[test]
fn the_owner_alone_reads_the_database_and_its_log() {
    let folder = Folder::new();
    let world = World::open(&folder);
    world.send(2, 7);
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["tidings.db", "tidings.db-shm", "tidings.db-wal"]);
    assert_eq!(files.iter().map(|path| mode(path)).collect::<Vec<_>>(), [0o600; 3]);
}

#[test]
fn a_folder_that_is_missing_is_made_for_the_owner_alone() {
    let folder = Folder::new();
    let inner = folder.path().join("a/b");
    let store = SqliteStore::open(tidings_sqlite::SqliteOptions::new(&inner, Hand::at(0))).unwrap();
    assert_eq!((mode(&inner), mode(&inner.join("tidings.db"))), (0o700, 0o600));
    store.stop();
    fs::set_permissions(inner.join("tidings.db"), fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(tidings_sqlite::SqliteOptions::new(&inner, Hand::at(0))).unwrap();
    assert_eq!(mode(&inner.join("tidings.db")), 0o600, "what was opened up is closed again");
}

#[test]
fn a_second_start_leaves_the_database_alone() {
    let folder = Folder::new();
    let world = World::open(&folder);
    world.send(2, 7);
    world.store().stop();
    drop(world);
    let version = |folder: &Folder| {
        folder.connection().query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = (version(&folder), fs::read(folder.file()).unwrap());
    let store = folder.open(Hand::at(0));
    assert_eq!(wait(store.since(CommitNumber(0), 10)).len(), 1);
    store.stop();
    assert!((version(&folder), fs::read(folder.file()).unwrap()) == before, "some byte of the file has changed");
}

#[test]
fn the_log_is_written_back_when_the_store_stops() {
    let folder = Folder::new();
    let world = World::open(&folder);
    for _ in 0..10 {
        world.send(2, 7);
    }
    assert!(fs::metadata(folder.path().join("tidings.db-wal")).unwrap().len() > 0);
    world.store().stop();
    assert!(!folder.path().join("tidings.db-wal").exists(), "closing the last connection removes it");
}

#[test]
fn a_log_beside_a_file_without_its_mode_is_no_reason_to_work_without_a_log() {
    let folder = Folder::new();
    folder.open(Hand::at(0)).stop();
    let mode = |folder: &Folder, sql| folder.connection().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(mode(&folder, "PRAGMA journal_mode = delete"), "delete");
    fs::write(folder.path().join("tidings.db-wal"), [7; 4_096]).unwrap();
    let store = folder.open(Hand::at(0));
    assert_eq!(mode(&folder, "PRAGMA journal_mode"), "wal");
    store.stop();
    assert_eq!(mode(&folder, "PRAGMA journal_mode"), "wal", "it is written into the file");
}

#[test]
fn a_database_of_a_newer_version_is_refused_as_it_is() {
    let folder = Folder::new();
    folder.open(Hand::at(0)).stop();
    let newer = "INSERT INTO tidings_migrations VALUES (9000, 'later', '2040-01-01T00:00:00Z', '1')";
    folder.connection().execute(newer, []).unwrap();
    let before = fs::read(folder.file()).unwrap();
    let Err(OpenError::Newer { found, known, part, .. }) = SqliteStore::open(folder.options(Hand::at(0))) else {
        panic!("it was opened")
    };
    assert_eq!((found, &*part), (9_000, "tidings"));
    assert!(known < found);
    assert!(fs::read(folder.file()).unwrap() == before);
}

#[test]
fn a_migration_that_was_changed_afterwards_is_refused() {
    let folder = Folder::new();
    folder.open(Hand::at(0)).stop();
    folder.connection().execute("UPDATE tidings_migrations SET checksum = '1'", []).unwrap();
    assert!(matches!(SqliteStore::open(folder.options(Hand::at(0))), Err(OpenError::Migrate { .. })));
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = Folder::new();
    fs::write(folder.file(), "a letter, not a database\n".repeat(200)).unwrap();
    assert!(SqliteStore::open(folder.options(Hand::at(0))).is_err());
    let file = Folder::new();
    fs::write(file.path().join("data"), "").unwrap();
    let options = tidings_sqlite::SqliteOptions::new(file.path().join("data"), Hand::at(0));
    assert!(matches!(SqliteStore::open(options), Err(OpenError::File { .. })));
}

#[test]
fn cookies_stand_nowhere_in_the_file() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(1_000));
    let cookie = wait(store.create_session(tidings_wire::UserId::new(2), 2_000));
    store.stop();
    let file = fs::read(folder.file()).unwrap();
    assert!(!file.windows(cookie.len()).any(|part| part == cookie.as_bytes()));
}

#[test]
fn sessions_whose_time_is_over_are_cleared_away() {
    let folder = Folder::new();
    let clock = Hand::at(1_000);
    let store = folder.open(clock.clone());
    for end in 0..20 {
        wait(store.create_session(tidings_wire::UserId::new(2), 2_000 + end));
    }
    clock.set(2_009);
    wait(store.create_session(tidings_wire::UserId::new(2), 9_000));
    let left: i64 = folder.connection().query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 11);
}
