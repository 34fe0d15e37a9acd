//! What is said of statements that can't be used, at the start.

use tidings_engine::ports::Groups;
use tidings_sqlite::app::{AppDatabase, AppGroups, AppList, AppOptions, AppPosts, AppSessions, AppUsers};

use crate::support::{App, chain, sql};

#[test]
fn a_statement_that_does_not_fit_is_refused_with_its_setting() {
    let app = App::new();
    let database = app.database();
    let list = |text| AppList::of_user(&database, sql(text)).err();
    for (text, expected) in [
        ("SELECT id FROM Nobody WHERE id = :user", "`app.test.query` can't be prepared: no such table: Nobody"),
        ("SELCT 1", "can't be prepared: near \"SELCT\""),
        ("SELECT follower_id, 1 FROM Followers WHERE followee_id = :user", "returns 2 columns, expected 1"),
        ("SELECT follower_id FROM Followers", "does not use the parameter `:user`"),
        (
            "SELECT follower_id FROM Followers WHERE followee_id = :me",
            "has the parameter `:me`, but it gets `:user`, `:after`, `:limit`",
        ),
        ("SELECT follower_id FROM Followers WHERE followee_id = $4", "has the parameter `$4`"),
        ("SELECT follower_id FROM Followers WHERE followee_id = ? AND follower_id > ?", "a `?` among them: name them"),
        ("SELECT 1 WHERE :user > :after", "uses one of `:after` and `:limit`"),
        ("UPDATE Users SET name = 'x' WHERE id = :user RETURNING id", "must only read"),
        ("DELETE FROM Users WHERE id = :user", "must only read"),
        ("WITH x AS (SELECT 1) DELETE FROM Users WHERE id = :user RETURNING id", "must only read"),
        ("PRAGMA table_info(Users)", "must only read"),
        ("ATTACH 'other.db' AS other", "must only read"),
        ("SELECT :user; DELETE FROM Users", "holds several statements"),
    ] {
        let said = chain(&list(text).unwrap_or_else(|| panic!("{text} was taken")));
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn each_port_knows_its_parameters_and_columns() {
    let app = App::new();
    let database = app.database();
    let said = |error: Option<tidings_sqlite::app::AppError>| chain(&error.unwrap());
    let sessions = AppSessions::new(&database, sql("SELECT user_id FROM Sessions")).err();
    assert!(said(sessions).contains("does not use the parameter `:cookie` or `:sha256`"));
    let sessions =
        AppSessions::new(&database, sql("SELECT user_id, expires_at, 1 FROM Sessions WHERE cookie = ?")).err();
    assert!(said(sessions).contains("returns 3 columns, expected 1 to 2"));
    const MAX_AGE: std::time::Duration = std::time::Duration::from_secs(5);
    let groups =
        AppGroups::new(&database, sql("SELECT user_id FROM GroupMembers WHERE group_id = :user"), MAX_AGE).err();
    let taken = AppGroups::new(&database, sql("SELECT user_id FROM GroupMembers WHERE group_id = ?"), MAX_AGE).unwrap();
    assert_eq!(taken.max_age(), MAX_AGE);
    assert!(said(groups).contains("but it gets `:group`, `:after`, `:limit`"));
    let posts = AppPosts::new(&database, sql("SELECT 7")).err();
    assert!(said(posts).contains("does not use the parameter `:post`"));
    assert!(AppUsers::new(&database, sql("SELECT name FROM Users WHERE id = $1 AND id = :user")).is_ok());
}

#[test]
fn a_file_that_is_not_there_or_no_database_is_named() {
    let app = App::new();
    let missing = app.folder.path().join("gone.db");
    let options = |file: &std::path::Path| {
        let mut options: AppOptions = app.options();
        options.file = file.to_owned();
        options
    };
    let error = AppDatabase::open(options(&missing)).unwrap_err();
    assert!(chain(&error).contains("gone.db: unable to open"), "{}", chain(&error));
    assert!(!missing.exists(), "nothing was made");
    let text = app.folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database, whatever its name says, and longer than a header of one hundred bytes is.....",
    )
    .unwrap();
    let error = AppDatabase::open(options(&text)).unwrap_err();
    assert!(chain(&error).contains("file is not a database"), "{}", chain(&error));
}
