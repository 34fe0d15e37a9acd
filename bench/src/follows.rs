//! Followers that a user has before a server starts, put into its database straight, as [`crate::lists`] are: by HTTP a million
//! follows would take a quarter of an hour a round.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Lets the users 1 to `followers` follow the user behind them, [`owner`]. The database must have the social pack's tables.
///
/// # Errors
/// The database isn't there, or has no such table.
pub fn insert(database: &Path, followers: usize) -> anyhow::Result<()> {
    const FOLLOWS: &str = "INSERT INTO social_follows (follower, followee, state, created_at) \
        WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1) \
        SELECT n, ?2, 'accepted', 0 FROM number";
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let (all, owner) = (i64::try_from(followers)?, i64::try_from(owner(followers))?);
    connection.execute(FOLLOWS, [all, owner])?;
    Ok(())
}

/// The user whom so many follow. They are never connected.
#[must_use]
pub fn owner(followers: usize) -> u64 {
    followers as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_follow_the_one_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.db");
        assert!(insert(&file, 3).is_err(), "no server has made it");
        let connection = Connection::open(&file).unwrap();
        connection.execute("CREATE TABLE social_follows (follower, followee, state, created_at)", []).unwrap();
        insert(&file, 3).unwrap();
        let sql = "SELECT group_concat(follower), min(followee), max(followee), max(state) FROM social_follows";
        let found = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        assert_eq!(found.unwrap(), ("1,2,3".to_owned(), 4, 4, "accepted".to_owned()));
    }
}
