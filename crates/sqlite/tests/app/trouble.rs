//! Slow statements, full queues, files that are written or replaced, and results that are none.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, config::DbConfig};
use tidings_engine::clock::SystemClock;
use tidings_engine::ports::{SessionResolver, StoreError, Users};
use tidings_sqlite::app::{AppDatabase, AppList, AppOptions, AppSessions, AppUsers, UNPAGED_ROWS};
use tidings_testkit::{SteppedClock, contract::wait};
use tidings_wire::Id;
use tokio::task::JoinSet;

use crate::support::{App, chain, sql, user};

/// For user 8 it takes far longer than any timeout here; for others it is quick.
const SLOW: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE :user = 8 AND i < 100000000) \
    SELECT name FROM Users WHERE id = :user AND (SELECT count(*) FROM n) > 0";

fn short(app: &App, timeout: Duration) -> AppOptions {
    let mut options = app.options();
    options.timeout = timeout;
    options
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn a_slow_statement_meets_its_timeout_and_holds_nobody_else_up() {
    let app = App::new();
    let mut options = short(&app, Duration::from_secs(2));
    options.pool = 2;
    let users = AppUsers::new(&AppDatabase::open(options).unwrap(), sql(SLOW)).unwrap();
    run(async {
        let mut slow = JoinSet::new();
        slow.spawn(users.user(user(8)));
        for _ in 0..100 {
            let quick = users.user(user(7)).await.unwrap();
            assert_eq!(quick.unwrap().name.as_deref(), Some("Ann"));
        }
        assert!(slow.try_join_next().is_none(), "it still runs beside them");
        let error = slow.join_next().await.unwrap().unwrap().unwrap_err();
        assert!(matches!(&error, StoreError::Statement { statement, .. } if statement == "app.test.query"));
        assert!(chain(&error).contains("it took longer than 2s and was ended"), "{}", chain(&error));
        // Its connection goes on.
        for _ in 0..4 {
            assert!(users.user(user(7)).await.unwrap().is_some());
        }
    });
}

#[test]
fn what_waited_too_long_is_not_run_and_what_has_no_room_is_refused() {
    let app = App::new();
    let mut options = short(&app, Duration::from_millis(300));
    (options.pool, options.queue) = (1, 4);
    let users = AppUsers::new(&AppDatabase::open(options).unwrap(), sql(SLOW)).unwrap();
    run(async {
        let mut answers = JoinSet::new();
        let mut refused = 0;
        // One runs (or is about to), at most four wait.
        for _ in 0..10 {
            answers.spawn(users.user(user(8)));
            tokio::task::yield_now().await;
        }
        while let Some(answer) = answers.join_next().await {
            match answer.unwrap().unwrap_err() {
                StoreError::Full => refused += 1,
                error => {
                    let said = chain(&error);
                    assert!(said.contains("it took longer than 300ms") || said.contains("it waited 300ms"), "{said}");
                }
            }
        }
        assert!((5..=6).contains(&refused), "{refused} were refused");
        assert!(users.user(user(7)).await.unwrap().is_some(), "and it goes on");
    });
}

#[test]
fn what_waited_longer_than_a_question_may_take_is_not_run() {
    let app = App::new();
    let clock = SteppedClock::new();
    let mut options = AppOptions::new(app.file(), clock.clone());
    options.pool = 1;
    let timeout = options.timeout;
    let users = AppUsers::new(&AppDatabase::open(options).unwrap(), sql(SLOW)).unwrap();
    let (slow, quick) = (users.user(user(8)), users.user(user(7)));
    clock.advance(timeout);
    run(slow).unwrap_err();
    let error = run(quick).unwrap_err();
    assert!(chain(&error).contains("it waited 2s for a connection"), "{}", chain(&error));
}

#[test]
fn a_database_that_the_app_is_writing_is_waited_for() {
    let app = App::new();
    // Without a write-ahead log a writer shuts readers out.
    app.writer.pragma_update(None, "journal_mode", "delete").unwrap();
    let users = AppUsers::new(&app.database(), sql("SELECT name FROM Users WHERE id = ?")).unwrap();
    app.run("BEGIN EXCLUSIVE; UPDATE Users SET name = 'Anna' WHERE id = 7");
    let asked = users.user(user(7));
    app.run("COMMIT");
    assert_eq!(wait(asked).unwrap().name.as_deref(), Some("Anna"));
    let impatient = AppDatabase::open(short(&app, Duration::from_millis(100))).unwrap();
    let impatient = AppUsers::new(&impatient, sql("SELECT name FROM Users WHERE id = ?")).unwrap();
    app.run("BEGIN EXCLUSIVE");
    let error = run(impatient.user(user(7))).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{}", chain(&error));
    app.run("COMMIT");
    assert!(wait(impatient.user(user(7))).is_some());
}

#[test]
fn nothing_is_ever_written() {
    let App { folder, writer } = App::new();
    // The app goes and leaves its log: whoever writes copies it into the file, with the last connection that is closed at the latest.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    drop(writer);
    let files = ["app.db", "app.db-wal"].map(|file| folder.path().join(file));
    let before = files.each_ref().map(|file| std::fs::read(file).unwrap());
    let options = AppOptions::new(&files[0], Arc::new(SystemClock::new()));
    let users =
        AppUsers::new(&AppDatabase::open(options).unwrap(), sql("SELECT name FROM Users WHERE id = ?")).unwrap();
    assert!(wait(users.user(user(7))).is_some());
    assert!(files.map(|file| std::fs::read(file).unwrap()) == before, "a file is another one");
}

#[test]
fn a_file_that_was_put_in_the_place_of_the_other_is_read() {
    let app = App::new();
    let users = AppUsers::new(&app.database(), sql("SELECT name FROM Users WHERE id = ?")).unwrap();
    assert!(wait(users.user(user(7))).is_some());
    let other = app.folder.path().join("other.db");
    let restored = Connection::open(&other).unwrap();
    restored.execute_batch("CREATE TABLE Users (id, name); INSERT INTO Users VALUES (7, 'Restored')").unwrap();
    drop(restored);
    app.run("PRAGMA wal_checkpoint(TRUNCATE)");
    std::fs::rename(other, app.file()).unwrap();
    for extra in ["app.db-wal", "app.db-shm"] {
        let _ = std::fs::remove_file(app.folder.path().join(extra));
    }
    for _ in 0..8 {
        assert_eq!(wait(users.user(user(7))).unwrap().name.as_deref(), Some("Restored"));
    }
}

#[test]
fn a_table_that_the_app_has_dropped_names_the_setting() {
    let app = App::new();
    let users = AppUsers::new(&app.database(), sql("SELECT name FROM Users WHERE id = ?")).unwrap();
    app.run("DROP TABLE Users");
    let error = run(users.user(user(7))).unwrap_err();
    assert!(chain(&error).contains("app.test.query: no such table: Users"), "{}", chain(&error));
}

#[test]
fn results_that_no_port_can_take_are_errors_and_no_guesses() {
    let app = App::new();
    app.run("INSERT INTO GroupMembers VALUES (1, NULL), (2, -1), (3, 'bob'), (4, 1.5), (5, x'00'), (6, 9), (6, 3)");
    let database = app.database();
    let members = "SELECT user_id FROM GroupMembers WHERE group_id = :group";
    let list = AppList::of_group(&database, sql(members)).unwrap();
    let said =
        |list: &AppList, group: i64| chain(&run(list.page(Id::from_integer(group).unwrap(), None, 10)).unwrap_err());
    for (group, expected) in [
        (1, "it is NULL"),
        (2, "must not be negative"),
        (3, "must be an integer"),
        (4, "a fraction"),
        (5, "where they are 16"),
    ] {
        let said = said(&list, group);
        assert!(said.contains("its column `user_id` holds no id") && said.contains(expected), "{group}: {said}");
    }
    let unordered = format!("{members} AND user_id > :after LIMIT :limit");
    assert!(said(&AppList::of_group(&database, sql(&unordered)).unwrap(), 6).contains("not in ascending order"));
    let unlimited = format!("{members} AND (user_id > :after OR :limit) ORDER BY user_id");
    let unlimited = AppList::of_group(&database, sql(&unlimited)).unwrap();
    let error = run(unlimited.page(Id::from_integer(6).unwrap(), None, 1)).unwrap_err();
    assert!(chain(&error).contains("more than 1 rows"), "{}", chain(&error));
}

#[test]
fn two_rows_for_one_thing_and_rows_that_are_too_large_are_refused() {
    let app = App::new();
    let sessions = AppSessions::new(&app.database(), sql("SELECT user_id FROM Sessions WHERE :cookie <> ''")).unwrap();
    let error = run(sessions.resolve("any".to_owned())).unwrap_err();
    assert!(chain(&error).contains("more than 1 rows"), "whose it is, nobody could say: {}", chain(&error));
    let text = "SELECT name, hex(zeroblob(40000)) AS bio FROM Users WHERE id = ?";
    let users = AppUsers::new(&app.database(), sql(text)).unwrap();
    let error = run(users.user(user(7))).unwrap_err();
    assert!(chain(&error).contains("more than 65536 bytes"), "{}", chain(&error));
}

#[test]
fn a_statement_without_pages_has_a_bound_and_says_how_to_page() {
    let app = App::new();
    let text = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :user) SELECT i FROM n";
    let list = AppList::of_user(&app.database(), sql(text)).unwrap();
    let page = |count: usize| run(list.page(Id::from_integer(count as i64).unwrap(), None, 10));
    assert_eq!(page(UNPAGED_ROWS).unwrap().len(), 10);
    let error = page(UNPAGED_ROWS + 1).unwrap_err();
    assert!(chain(&error).contains("page it, with `WHERE id > :after"), "{}", chain(&error));
}
