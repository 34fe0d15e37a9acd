//! A small social app's database.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rusqlite::Connection;
use tidings_engine::clock::SystemClock;
use tidings_sqlite::app::{AppDatabase, AppOptions, Sql, UuidForm};
use tidings_wire::UserId;

/// The app's file, with the guide's tables: the app itself, as far as these tests need one.
pub(crate) struct App {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) writer: Connection,
}

const TABLES: &str = "
    CREATE TABLE Users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, language TEXT, zone TEXT, city TEXT, age INTEGER);
    CREATE TABLE Posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, content TEXT NOT NULL, score REAL);
    CREATE TABLE Followers (follower_id INTEGER, followee_id INTEGER, is_accepted INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (followee_id, follower_id));
    CREATE TABLE Blocks (blocker_id INTEGER, blocked_id INTEGER, PRIMARY KEY (blocker_id, blocked_id));
    CREATE TABLE Mutes (muter_id INTEGER, muted_id INTEGER, PRIMARY KEY (muter_id, muted_id));
    CREATE TABLE GroupMembers (group_id, user_id);
    CREATE TABLE Sessions (cookie TEXT PRIMARY KEY, user_id INTEGER NOT NULL, expires_at);
    INSERT INTO Users VALUES (7, 'Ann', 'de', 'Europe/Berlin', 'Ulm', 40), (8, 'Bob', NULL, '', NULL, NULL);
    INSERT INTO Posts VALUES (123, 7, 'hello', 0.5), (9, 8, 'hi', NULL);
    INSERT INTO Followers VALUES (8, 7, 1), (456, 7, 1), (9, 7, 0), (7, 8, 1);
    INSERT INTO Blocks VALUES (7, 20), (21, 7);
    INSERT INTO Mutes VALUES (22, 7), (7, 23);
    INSERT INTO Sessions VALUES ('for ever', 7, NULL), ('over', 7, 1), ('later', 8, 99999999999), ('text', 8, '2099-01-01');
";

impl App {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let writer = Connection::open(folder.path().join("app.db")).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        writer.execute_batch(TABLES).unwrap();
        Self { folder, writer }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    pub(crate) fn options(&self) -> AppOptions {
        let mut options = AppOptions::new(self.file(), Arc::new(SystemClock::new()));
        // Far more than it takes; tests of slow statements have their own.
        options.timeout = Duration::from_secs(30);
        options
    }

    /// As Tidings opens it.
    pub(crate) fn database(&self) -> AppDatabase {
        AppDatabase::open(self.options()).unwrap()
    }

    pub(crate) fn database_with(&self, uuid: UuidForm) -> AppDatabase {
        let mut options = self.options();
        options.uuid = uuid;
        AppDatabase::open(options).unwrap()
    }

    pub(crate) fn run(&self, sql: &str) {
        self.writer.execute_batch(sql).unwrap();
    }
}

/// A statement of a setting that is called `app.test.query`.
pub(crate) fn sql(text: &str) -> Sql<'_> {
    Sql { setting: "app.test.query", text }
}

pub(crate) fn user(id: u32) -> UserId {
    UserId::new(id)
}

pub(crate) fn users<const N: usize>(ids: [u32; N]) -> Vec<UserId> {
    ids.map(user).to_vec()
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
