//! Migrations: Tidings' own, and those that packs bring. Each part has its own table of what was applied.

use std::path::{Path, PathBuf};

use refinery::{Migration, Runner};
use rusqlite::{Connection, OptionalExtension};

use crate::error::OpenError;

/// A migration: its number from 1 on, a word for it, and its statements.
pub type MigrationSource<'a> = (i32, &'a str, &'a str);

/// Tidings' own. A file that was released never changes: refinery compares checksums.
pub(crate) const OWN: &[MigrationSource<'static>] = &[
    (1, "first", include_str!("../migrations/V1__first.sql")),
    (2, "changes", include_str!("../migrations/V2__changes.sql")),
    (3, "seen", include_str!("../migrations/V3__seen.sql")),
    (4, "requests", include_str!("../migrations/V4__requests.sql")),
    (5, "rollouts", include_str!("../migrations/V5__rollouts.sql")),
    (6, "withheld", include_str!("../migrations/V6__withheld.sql")),
];

/// A part of the database with migrations of its own.
pub(crate) struct Part {
    name: String,
    table: String,
    migrations: Vec<Migration>,
}

impl Part {
    /// Tidings' own tables.
    pub(crate) fn own() -> Self {
        Self {
            name: "tidings".to_owned(),
            table: "tidings_migrations".to_owned(),
            migrations: read(OWN).expect("the names of the own migrations are right"),
        }
    }

    /// A pack's tables.
    ///
    /// # Errors
    /// [`OpenError::Pack`] where a name or number is wrong.
    pub(crate) fn pack(name: &str, migrations: &[MigrationSource<'_>]) -> Result<Self, OpenError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > 32 || !name.bytes().all(plain) || name == "tidings" {
            return Err(OpenError::Pack(format!("{name:?} is no name: use up to 32 of a-z, 0-9 and _")));
        }
        if migrations.is_empty() || migrations.iter().zip(1..).any(|(&(number, ..), expected)| number != expected) {
            return Err(OpenError::Pack(format!("those of {name} must be numbered 1, 2, 3 …")));
        }
        let migrations = read(migrations).map_err(|error| OpenError::Pack(error.to_string()))?;
        Ok(Self { name: name.to_owned(), table: format!("{name}_migrations"), migrations })
    }

    /// Brings the part up to date. A database that is left alone is not written to at all; one of an older version is
    /// copied first.
    ///
    /// # Errors
    /// [`OpenError::Newer`], [`OpenError::Older`] unless `allowed`, [`OpenError::Copy`], [`OpenError::Migrate`]; the database is
    /// then as it was.
    pub(crate) fn migrate(&self, connection: &mut Connection, file: &Path, allowed: bool) -> Result<(), OpenError> {
        let failed = |source| OpenError::Migrate { part: self.name.clone(), source };
        let found = self.applied(connection).map_err(|error| failed(error.into()))?;
        let known = self.known();
        if found > known {
            return Err(OpenError::Newer { path: file.to_owned(), part: self.name.clone(), found, known });
        }
        if found < known && !allowed {
            return Err(OpenError::Older { path: file.to_owned(), part: self.name.clone(), found, known });
        }
        if 0 < found && found < known {
            copy(connection, &self.copy_path(file))?;
        }
        // One transaction for all of them with their marks in the table: a crash leaves the old version or the new one.
        let mut runner = Runner::new(&self.migrations).set_grouped(true);
        runner.set_migration_table_name(&self.table);
        // Compares checksums too; where nothing is new it writes nothing.
        runner.run(connection).map_err(|error| failed(error.into()))?;
        if found < known {
            tracing::info!(part = %self.name, from = found, to = known, "migrated the database");
        }
        Ok(())
    }

    /// The last migration that was applied; 0 where there is none.
    pub(crate) fn applied(&self, connection: &Connection) -> rusqlite::Result<i32> {
        let table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
        if connection.query_row(table, [&self.table], |_| Ok(())).optional()?.is_none() {
            return Ok(0);
        }
        let last = format!("SELECT coalesce(max(version), 0) FROM {}", self.table);
        connection.query_row(&last, [], |row| row.get(0))
    }

    /// The last migration that this version knows.
    pub(crate) fn known(&self) -> i32 {
        self.migrations.iter().map(Migration::version).max().unwrap_or(0)
    }

    /// `tidings.db.before-v2`; a pack's is named too.
    fn copy_path(&self, file: &Path) -> PathBuf {
        let mut path = file.as_os_str().to_owned();
        let pack = if self.name == "tidings" { String::new() } else { format!("{}-", self.name) };
        path.push(format!(".before-{pack}v{}", self.known()));
        path.into()
    }
}

fn read(migrations: &[MigrationSource<'_>]) -> Result<Vec<Migration>, refinery::Error> {
    let one = |&(number, name, sql): &MigrationSource<'_>| Migration::unapplied(&format!("V{number}__{name}"), sql);
    migrations.iter().map(one).collect()
}

/// Copies the database whole, its log included. The copy gets its name only when it is complete; an earlier one of the
/// same name, from which this state came, is replaced.
fn copy(connection: &Connection, to: &Path) -> Result<(), OpenError> {
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let copied = (|| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        crate::backup::remove(&part)?;
        let file = crate::open::private_file(&part)?;
        connection.execute("VACUUM INTO ?1", [part.to_str().ok_or("the path is not UTF-8")?])?;
        file.sync_all()?;
        std::fs::rename(&part, to)?;
        Ok(())
    })();
    copied.map_err(|source| OpenError::Copy { path: to.to_owned(), source })?;
    tracing::info!(copy = %to.display(), "copied the database before it is migrated");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(migrations: &[MigrationSource<'_>]) -> Part {
        Part { migrations: read(migrations).unwrap(), ..Part::own() }
    }

    fn columns(file: &Path) -> i64 {
        let connection = Connection::open(file).unwrap();
        connection.query_row("SELECT count(*) FROM pragma_table_info('a')", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_older_version_is_copied_whole_before_it_is_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(crate::FILE);
        let mut connection = Connection::open(&file).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        let [one, two, three] = [
            (1, "one", "CREATE TABLE a (x);"),
            (2, "two", "ALTER TABLE a ADD COLUMN y;"),
            (3, "three", "ALTER TABLE a ADD COLUMN z;"),
        ];
        part(&[one]).migrate(&mut connection, &file, true).unwrap();
        let copies = || {
            std::fs::read_dir(&folder)
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("before"))
                .count()
        };
        assert_eq!(copies(), 0, "a new database needs no copy");
        connection.execute("INSERT INTO a VALUES ('still in the log')", []).unwrap();
        part(&[one, two, three]).migrate(&mut connection, &file, true).unwrap();
        part(&[one, two, three]).migrate(&mut connection, &file, true).unwrap();
        assert_eq!((copies(), columns(&file)), (1, 3));
        let copy = folder.path().join("tidings.db.before-v3");
        assert_eq!(columns(&copy), 1);
        let kept: String = Connection::open(copy).unwrap().query_row("SELECT x FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, "still in the log");
    }

    #[test]
    fn where_no_copy_can_be_made_nothing_is_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(crate::FILE);
        let mut connection = Connection::open(&file).unwrap();
        let one = (1, "one", "CREATE TABLE a (x);");
        part(&[one]).migrate(&mut connection, &file, true).unwrap();
        std::fs::create_dir(folder.path().join("tidings.db.before-v2.part")).unwrap();
        let refused = part(&[one, (2, "two", "ALTER TABLE a ADD COLUMN y;")]).migrate(&mut connection, &file, true);
        assert!(matches!(refused, Err(OpenError::Copy { .. })), "{refused:?}");
        assert_eq!(columns(&file), 1);
    }

    #[test]
    fn where_migrating_is_not_allowed_an_older_database_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(crate::FILE);
        let mut connection = Connection::open(&file).unwrap();
        let [one, two] = [(1, "one", "CREATE TABLE a (x);"), (2, "two", "ALTER TABLE a ADD COLUMN y;")];
        assert!(matches!(part(&[one]).migrate(&mut connection, &file, false), Err(OpenError::Older { found: 0, .. })));
        part(&[one]).migrate(&mut connection, &file, true).unwrap();
        part(&[one]).migrate(&mut connection, &file, false).unwrap();
        let refused = part(&[one, two]).migrate(&mut connection, &file, false);
        assert!(matches!(refused, Err(OpenError::Older { found: 1, known: 2, .. })), "{refused:?}");
        assert_eq!(columns(&file), 1);
    }

    #[test]
    fn a_database_of_the_first_version_keeps_its_lists_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(crate::FILE);
        let mut connection = Connection::open(&file).unwrap();
        Part { migrations: read(&OWN[..1]).unwrap(), ..Part::own() }.migrate(&mut connection, &file, true).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations VALUES (1, 'group:5', 'group', 3, 40, 3);
                 INSERT INTO members VALUES (1, 2, 0, 2, 1, NULL), (1, 3, 0, NULL, 0, NULL);
                 INSERT INTO messages VALUES (1, 1, 1, 11, 'group', 1, 3, NULL, NULL, NULL, '{}', 20000),
                 (2, 1, 2, 12, 'group', 1, 3, 'k', x'00', NULL, '{}', 30000), (3, 1, 3, 13, 'group', 1, 3, NULL, NULL, NULL, '{}', 40000);
                 UPDATE meta SET last_commit = 3, last_id = 13;",
            )
            .unwrap();
        Part::own().migrate(&mut connection, &file, true).unwrap();
        let user = tidings_wire::UserId::new;
        let listed = |of| crate::read::conversations(&connection, user(of), None, 10).unwrap().conversations.remove(0);
        let line = |of| {
            let found = listed(of);
            (found.head, found.read, found.unread, found.touched_at, found.last.map(|last| last.seq))
        };
        assert_eq!(line(2), (2, 1, 1, 30, Some(2)));
        assert_eq!(line(3), (3, 0, 3, 40, Some(3)));
        // The copy that was made before has no mark, and is put back all the same.
        drop(connection);
        let back = tempfile::tempdir().unwrap();
        let copy = format!("tidings.db.before-v{}", Part::own().known());
        crate::restore(&folder.path().join(copy), back.path(), false).unwrap();
        let options =
            crate::SqliteOptions::new(back.path(), std::sync::Arc::new(tidings_engine::clock::SystemClock::new()));
        let (_, restored) = crate::open::first(&options).unwrap();
        assert!(restored.last_commit > 1 << 32);
    }

    #[test]
    fn the_own_migrations_are_numbered_in_order() {
        assert!(OWN.iter().zip(1..).all(|((version, ..), number)| *version == number));
    }
}
