//! What one of the two of a dm is never shown, because they had blocked its sender.
//!
//! It stands in runs of seqs, and no message's row says anything of it: so a message to somebody who blocks nobody costs what it did,
//! and what a blocked user sends on and on is one row. Readers take the runs away from what they look at
//! ([`visible`](crate::read::visible)), and need no more.

use rusqlite::{
    Connection, OptionalExtension, params,
    types::{FromSql, FromSqlResult, ValueRef},
};
use tidings_wire::{ConversationKey, Seq, UserId};

use crate::ids::SqlId;

/// How much of a stream is withheld from one of its two: `conversations.withheld`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// Nothing: there are no runs to look for.
    Nothing,
    /// Something.
    Something,
    /// All that came so far.
    Everything,
}

impl FromSql for Withheld {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value.as_i64_or_null()? {
            None => Self::Nothing,
            Some(2) => Self::Everything,
            Some(_) => Self::Something,
        })
    }
}

pub(crate) const RUNS: &str = "SELECT first, last FROM withheld WHERE conversation = ?1 AND user = ?2 ORDER BY last";

/// The runs of seqs that the user is never shown, ascending.
pub(crate) fn runs(connection: &Connection, conversation: i64, user: UserId) -> rusqlite::Result<Vec<(Seq, Seq)>> {
    let mut statement = connection.prepare_cached(RUNS)?;
    statement.query_map(params![conversation, SqlId::from(user)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

pub(crate) const FROM: &str =
    "SELECT first FROM withheld WHERE conversation = ?1 AND user = ?2 AND last >= ?3 ORDER BY last LIMIT 1";

/// The one of a dm who is never shown a seq.
pub(crate) fn from_whom(
    connection: &Connection,
    key: ConversationKey,
    conversation: i64,
    seq: Seq,
) -> rusqlite::Result<Option<UserId>> {
    let ConversationKey::Dm(low, high) = key else { return Ok(None) };
    for user in [low, high] {
        let first: Option<Seq> = connection
            .prepare_cached(FROM)?
            .query_row(params![conversation, SqlId::from(user), seq], |row| row.get(0))
            .optional()?;
        if first.is_some_and(|first| first <= seq) {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// Withholds a seq, and joins it with the runs that it touches.
pub(crate) fn add(connection: &Connection, conversation: i64, user: UserId, seq: Seq) -> rusqlite::Result<()> {
    let user = SqlId::from(user);
    let above = "DELETE FROM withheld WHERE conversation = ?1 AND user = ?2 AND first = ?3 + 1 AND last = \
                 (SELECT min(last) FROM withheld WHERE conversation = ?1 AND user = ?2 AND last > ?3) RETURNING last";
    let mut above = connection.prepare_cached(above)?;
    let last: Seq = above.query_map(params![conversation, user, seq], |row| row.get(0))?.next().unwrap_or(Ok(seq))?;
    let below = "UPDATE withheld SET last = ?4 WHERE conversation = ?1 AND user = ?2 AND last = ?3 - 1";
    if connection.prepare_cached(below)?.execute(params![conversation, user, seq, last])? == 0 {
        connection
            .prepare_cached("INSERT INTO withheld (conversation, user, first, last) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![conversation, user, seq, last])?;
    }
    Ok(())
}

/// Says how much of a stream is withheld.
pub(crate) fn set(connection: &Connection, conversation: i64, is: Withheld) -> rusqlite::Result<()> {
    let is = match is {
        Withheld::Nothing => None,
        Withheld::Something => Some(1),
        Withheld::Everything => Some(2),
    };
    let sql = "UPDATE conversations SET withheld = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![conversation, is]).map(drop)
}

/// Where a dm stands in lists, before something is withheld there.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    commit: u64,
    touched_at: i64,
}

/// Where a stream stands now; at the end where it is not there yet.
pub(crate) fn place(connection: &Connection, of: ConversationKey) -> rusqlite::Result<Place> {
    let found = connection
        .prepare_cached("SELECT last_commit, touched_at FROM conversations WHERE key = ?1")?
        .query_row([of.to_string()], |row| Ok(Place { commit: row.get(0)?, touched_at: row.get(1)? }))
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Leaves a dm where it stood in the user's list: nothing came for them with this seq.
pub(crate) fn stay(
    connection: &Connection,
    conversation: i64,
    user: UserId,
    seq: Seq,
    before: Place,
) -> rusqlite::Result<()> {
    let sql = "UPDATE members SET quiet_seq = ?3, \
               quiet_commit = CASE WHEN quiet_seq = ?3 - 1 THEN quiet_commit ELSE ?4 END, \
               quiet_at = CASE WHEN quiet_seq = ?3 - 1 THEN quiet_at ELSE ?5 END \
               WHERE conversation = ?1 AND user = ?2";
    let values = params![conversation, SqlId::from(user), seq, before.commit, before.touched_at];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_run_in_whatever_order_they_come() {
        let connection = Connection::open_in_memory().unwrap();
        let table = include_str!("../migrations/V6__withheld.sql").split_once(';').unwrap().0;
        connection.execute_batch(table).unwrap();
        let [ann, bob] = [2, 7].map(UserId::new);
        let key = ConversationKey::dm(ann, bob);
        let runs = |user| runs(&connection, 1, user).unwrap();
        let add = |user, seq| add(&connection, 1, user, seq).unwrap();
        [5, 6, 9, 2].into_iter().for_each(|seq| add(ann, seq));
        assert_eq!(runs(ann), [(2, 2), (5, 6), (9, 9)]);
        add(bob, 7);
        [7, 4, 3].into_iter().for_each(|seq| add(ann, seq));
        assert_eq!(runs(ann), [(2, 7), (9, 9)]);
        add(ann, 8);
        assert_eq!((runs(ann), runs(bob)), (vec![(2, 9)], vec![(7, 7)]));
        let whom = |seq| from_whom(&connection, key, 1, seq).unwrap();
        assert_eq!([1, 2, 9, 10].map(whom), [None, Some(ann), Some(ann), None]);
        assert_eq!(from_whom(&connection, key, 2, 5).unwrap(), None, "another stream");
    }
}
