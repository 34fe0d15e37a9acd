//! For whom message types were switched on at run time.

use rusqlite::{Connection, params};
use tidings_engine::{
    Rollout,
    ports::{BoxFuture, Rollouts, StoreError},
};

use crate::{ids::SqlId, readers::ReadError, store::SqliteStore};

impl Rollouts for SqliteStore {
    fn all(&self) -> BoxFuture<Result<Vec<(String, Rollout)>, StoreError>> {
        self.read(all)
    }

    fn set(&self, kind: String, rollout: Rollout) -> BoxFuture<Result<(), StoreError>> {
        self.write(move |connection| {
            let sql = "INSERT INTO rollouts (type, percent) VALUES (?1, ?2) \
                       ON CONFLICT (type) DO UPDATE SET percent = excluded.percent";
            connection.prepare_cached(sql)?.execute(params![kind, rollout.percent()])?;
            forget_users(connection, &kind)?;
            let mut insert = connection.prepare_cached("INSERT INTO rollout_users (type, user) VALUES (?1, ?2)")?;
            rollout.users().iter().try_for_each(|&user| insert.execute(params![kind, SqlId::from(user)]).map(drop))
        })
    }

    fn take_back(&self, kind: String) -> BoxFuture<Result<bool, StoreError>> {
        self.write(move |connection| {
            forget_users(connection, &kind)?;
            Ok(connection.prepare_cached("DELETE FROM rollouts WHERE type = ?1")?.execute([kind])? > 0)
        })
    }
}

fn forget_users(connection: &Connection, kind: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM rollout_users WHERE type = ?1")?.execute([kind]).map(drop)
}

fn all(connection: &Connection) -> Result<Vec<(String, Rollout)>, ReadError> {
    let mut rollouts = connection.prepare_cached("SELECT type, percent FROM rollouts ORDER BY type")?;
    let rows = rollouts.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))?;
    let mut users = connection.prepare_cached("SELECT user FROM rollout_users WHERE type = ?1")?;
    let mut found = Vec::new();
    for row in rows {
        let (kind, percent) = row?;
        let named = users.query_map([&kind], |row| Ok(row.get::<_, SqlId>(0)?.0.into()))?;
        let rollout = Rollout::new(percent, named.collect::<rusqlite::Result<_>>()?);
        let unread =
            |error| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Integer, Box::new(error));
        found.push((kind, rollout.map_err(unread)?));
    }
    Ok(found)
}
