//! Intervals of membership, as the writer changes them.

use rusqlite::{Connection, OptionalExtension, params};
use tidings_wire::{ConversationKey, GroupId, Seq, UserId};

use crate::{ids::SqlId, withheld::Withheld};

/// A stream as its row says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) key: ConversationKey,
    /// `conversations.id`.
    pub(crate) id: i64,
    /// The last seq.
    pub(crate) head: Seq,
    pub(crate) withheld: Withheld,
}

/// The stream, if it exists.
pub(crate) fn stream(connection: &Connection, key: ConversationKey) -> rusqlite::Result<Option<Stream>> {
    connection
        .prepare_cached("SELECT id, last_seq, withheld FROM conversations WHERE key = ?1")?
        .query_row([key.to_string()], |row| {
            Ok(Stream { key, id: row.get(0)?, head: row.get(1)?, withheld: row.get(2)? })
        })
        .optional()
}

/// Whether the user is a member of the group now.
pub(crate) fn is_member(connection: &Connection, group: GroupId, user: UserId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM members WHERE conversation = (SELECT id FROM conversations WHERE key = ?1) \
             AND user = ?2 AND left_seq IS NULL",
        )?
        .exists(params![ConversationKey::Group(group).to_string(), SqlId::from(user)])
}

/// One of the two of a dm, who has read nothing.
pub(crate) fn begin_dm(connection: &Connection, conversation: i64, user: UserId) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO members (conversation, user, joined_seq, read_seq) VALUES (?1, ?2, 0, 0)";
    connection.prepare_cached(sql)?.execute(params![conversation, SqlId::from(user)]).map(drop)
}

/// A member more: the head as of the change, or nothing where nothing changed. The group comes to be where it is missing.
pub(crate) fn join(connection: &Connection, group: GroupId, user: UserId) -> rusqlite::Result<Option<Seq>> {
    let key = ConversationKey::Group(group).to_string();
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO conversations (key, kind, last_seq, touched_at, last_commit) VALUES (?1, 'group', 0, 0, 0)",
        )?
        .execute([&key])?;
    // Who comes back with nothing unread has nothing unread; else the mark stays where it was, so that the count goes on.
    let joined = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO members (conversation, user, joined_seq, read_seq) \
             SELECT id, ?2, last_seq, coalesce((SELECT CASE WHEN read_seq >= left_seq THEN last_seq ELSE read_seq END \
             FROM members WHERE conversation = id AND user = ?2 ORDER BY joined_seq DESC LIMIT 1), last_seq) \
             FROM conversations WHERE key = ?1 AND NOT EXISTS \
             (SELECT 1 FROM members WHERE conversation = id AND user = ?2 AND left_seq IS NULL) \
             RETURNING joined_seq",
        )?
        .query_row(params![key, SqlId::from(user)], |row| row.get(0))
        .optional()?;
    Ok(joined)
}

/// A member less: the head as of the change, or nothing where nothing changed.
pub(crate) fn leave(connection: &Connection, group: GroupId, user: UserId) -> rusqlite::Result<Option<Seq>> {
    let Some(Stream { id: conversation, head, .. }) = stream(connection, ConversationKey::Group(group))? else {
        return Ok(None);
    };
    let user = SqlId::from(user);
    let left: Option<(Seq, Seq)> = connection
        .prepare_cached(
            "UPDATE members SET (left_seq, left_commit, left_at) = \
             (SELECT last_seq, last_commit, touched_at FROM conversations WHERE id = ?1) \
             WHERE conversation = ?1 AND user = ?2 AND left_seq IS NULL RETURNING joined_seq, read_seq",
        )?
        .query_row(params![conversation, user], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((joined, read)) = left else { return Ok(None) };
    if joined == head {
        forget_empty(connection, conversation, user, head, read)?;
    }
    Ok(Some(head))
}

/// A user's latest membership of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    joined: Seq,
    left: Option<Seq>,
    /// How far the user has read, as far as it is written.
    pub(crate) read: Seq,
    /// Of one who left: the last commit there as of then.
    left_commit: Option<u64>,
    /// The last seq of what is withheld from this member, and the last commit before it came.
    quiet: Option<(Seq, u64)>,
}

impl Seat {
    /// Whether the user is a member now.
    pub(crate) fn is_current(&self) -> bool {
        self.left.is_none()
    }

    /// The commit of what came last for this member, in a stream that was touched last by another perhaps.
    pub(crate) fn touched(&self, head: Seq, last_commit: u64) -> u64 {
        match (self.left, self.quiet) {
            (Some(_), _) => self.left_commit.unwrap_or_default(),
            (None, Some((seq, before))) if seq == head => before,
            (None, _) => last_commit,
        }
    }
}

pub(crate) const SEAT: &str = "SELECT joined_seq, left_seq, read_seq, left_commit, quiet_seq, quiet_commit FROM members \
    WHERE conversation = ?1 AND user = ?2 ORDER BY joined_seq DESC LIMIT 1";

/// The user's latest membership; none where there never was one that saw anything.
pub(crate) fn seat(connection: &Connection, conversation: i64, user: UserId) -> rusqlite::Result<Option<Seat>> {
    connection
        .prepare_cached(SEAT)?
        .query_row(params![conversation, SqlId::from(user)], |row| {
            let quiet: (Option<Seq>, Option<u64>) = (row.get(4)?, row.get(5)?);
            let (joined, left, read, left_commit) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(Seat { joined, left, read, left_commit, quiet: quiet.0.zip(quiet.1) })
        })
        .optional()
}

pub(crate) const SET_MARK: &str =
    "UPDATE members SET read_seq = ?4 WHERE conversation = ?1 AND user = ?2 AND joined_seq = ?3";

/// Writes how far the user has read. The caller has seen that it goes forward.
pub(crate) fn set_mark(
    connection: &Connection,
    conversation: i64,
    (user, seat): (UserId, Seat),
    seq: Seq,
) -> rusqlite::Result<()> {
    connection.prepare_cached(SET_MARK)?.execute(params![conversation, SqlId::from(user), seat.joined, seq]).map(drop)
}

pub(crate) const READ_UP_TO: &str = "UPDATE members SET read_seq = ?3 \
    WHERE left_seq IS NULL AND conversation = ?1 AND user = ?2 AND read_seq < ?3";

/// Moves a member's mark forward.
pub(crate) fn read_up_to(connection: &Connection, conversation: i64, user: UserId, seq: Seq) -> rusqlite::Result<()> {
    connection.prepare_cached(READ_UP_TO)?.execute(params![conversation, SqlId::from(user), seq])?;
    Ok(())
}

/// Sets until when a conversation is muted, with the user's latest membership; false where there is none.
pub(crate) fn mute(
    connection: &Connection,
    of: ConversationKey,
    user: UserId,
    until: Option<i64>,
) -> rusqlite::Result<bool> {
    let Some(Stream { id: conversation, .. }) = stream(connection, of)? else { return Ok(false) };
    let Some(seat) = seat(connection, conversation, user)? else { return Ok(false) };
    let sql = "UPDATE members SET muted_until = ?4 WHERE conversation = ?1 AND user = ?2 AND joined_seq = ?3 \
               AND muted_until IS NOT ?4";
    connection.prepare_cached(sql)?.execute(params![conversation, SqlId::from(user), seat.joined, until])?;
    Ok(true)
}

/// An interval in which nothing came says nothing, and would stand in the way of a rejoin at the same head. How far the
/// user read goes to the interval before.
fn forget_empty(connection: &Connection, conversation: i64, user: SqlId, head: Seq, read: Seq) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM members WHERE conversation = ?1 AND user = ?2 AND joined_seq = ?3")?
        .execute(params![conversation, user, head])?;
    connection
        .prepare_cached(
            "UPDATE members SET read_seq = max(read_seq, ?3) WHERE conversation = ?1 AND user = ?2 AND joined_seq = \
             (SELECT max(joined_seq) FROM members WHERE conversation = ?1 AND user = ?2)",
        )?
        .execute(params![conversation, user, read])?;
    Ok(())
}
