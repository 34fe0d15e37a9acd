//! Migrations that packs bring.

use rusqlite::Connection;
use tidings_engine::ports::MessageStore;
use tidings_sqlite::{MigrationSource, OpenError, SqliteStore};

use super::support::{Folder, Hand};

const FIRST: MigrationSource<'static> = (1, "notes", "CREATE TABLE notes_items (id INTEGER PRIMARY KEY, text TEXT);");
const SECOND: MigrationSource<'static> =
    (2, "colour", "ALTER TABLE notes_items ADD COLUMN colour TEXT; UPDATE notes_items SET colour = 'red';");

fn columns(connection: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM pragma_table_info('notes_items') ORDER BY cid";
    let mut statement = connection.prepare(sql).expect("the statement is right");
    let names = statement.query_map([], |row| row.get(0)).expect("it runs");
    names.map(|name| name.expect("it is a text")).collect()
}

#[test]
fn a_pack_migrates_once_and_then_is_left_alone() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    store.migrate_pack("notes", &[FIRST]).unwrap();
    store.migrate_pack("other", &[(1, "one", "CREATE TABLE other_things (id);")]).unwrap();
    store.stop();
    let before = std::fs::read(folder.file()).unwrap();
    let store = folder.open(Hand::at(0));
    store.migrate_pack("notes", &[FIRST]).unwrap();
    store.stop();
    assert!(std::fs::read(folder.file()).unwrap() == before);
    assert_eq!(columns(&folder.connection()), ["id", "text"]);
}

#[test]
fn an_older_database_is_copied_before_it_is_migrated() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    store.migrate_pack("notes", &[FIRST]).unwrap();
    folder.connection().execute("INSERT INTO notes_items VALUES (1, 'kept')", []).unwrap();
    store.stop();
    let store = folder.open(Hand::at(0));
    store.migrate_pack("notes", &[FIRST, SECOND]).unwrap();
    store.stop();
    assert_eq!(columns(&folder.connection()), ["id", "text", "colour"]);
    let copy = folder.path().join("tidings.db.before-notes-v2");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let copy = Connection::open(copy).unwrap();
    assert_eq!(columns(&copy), ["id", "text"]);
    assert_eq!(copy.query_row("SELECT text FROM notes_items", [], |row| row.get::<_, String>(0)).unwrap(), "kept");
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
}

#[test]
fn a_pack_of_a_newer_version_is_refused() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    store.migrate_pack("notes", &[FIRST, SECOND]).unwrap();
    let refused = store.migrate_pack("notes", &[FIRST]);
    let Err(OpenError::Newer { part, found: 2, known: 1, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(part, "notes");
}

#[test]
fn a_migration_that_fails_is_undone_whole() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    let broken = (2, "broken", "ALTER TABLE notes_items ADD COLUMN colour TEXT; INSERT INTO nowhere VALUES (1);");
    let refused = store.migrate_pack("notes", &[FIRST, broken]);
    assert!(matches!(&refused, Err(OpenError::Migrate { part, .. }) if part == "notes"), "{refused:?}");
    assert_eq!(columns(&folder.connection()), Vec::<String>::new(), "the first one too");
    store.migrate_pack("notes", &[FIRST, SECOND]).unwrap();
    assert_eq!(columns(&folder.connection()), ["id", "text", "colour"]);
}

#[test]
fn names_and_numbers_are_looked_at() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    for name in ["", "tidings", "Notes", "notes; DROP TABLE meta", &"x".repeat(33)] {
        assert!(matches!(store.migrate_pack(name, &[FIRST]), Err(OpenError::Pack(_))), "{name:?}");
    }
    for migrations in [&[][..], &[SECOND], &[SECOND, FIRST], &[FIRST, FIRST]] {
        assert!(matches!(store.migrate_pack("notes", migrations), Err(OpenError::Pack(_))), "{migrations:?}");
    }
    store.stop();
    assert!(matches!(store.migrate_pack("notes", &[FIRST]), Err(OpenError::Store(_))));
}

#[test]
fn where_migrations_are_forbidden_a_packs_are_too() {
    let folder = Folder::new();
    folder.open(Hand::at(0)).migrate_pack("notes", &[FIRST]).unwrap();
    let mut options = folder.options(Hand::at(0));
    options.migrate = false;
    let store = SqliteStore::open(options).unwrap();
    store.migrate_pack("notes", &[FIRST]).unwrap();
    let refused = store.migrate_pack("notes", &[FIRST, SECOND]);
    assert!(matches!(&refused, Err(OpenError::Older { .. })), "{refused:?}");
    assert_eq!(columns(&folder.connection()), ["id", "text"]);
}
