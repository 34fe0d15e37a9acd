//! Conversations that users have before a server starts: groups whose members overlap, put into its database straight, as
//! sessions are ([`crate::identity::insert_sessions`]). By HTTP a million memberships would take minutes a round.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use rusqlite::{Connection, OpenFlags, Transaction, params};

use crate::message;

/// Who has how many conversations, with how many messages. The group g is written by the user g.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lists {
    /// The users 1 to this one have them; there are as many groups.
    pub users: usize,
    /// Groups that each user is in; so many members each has too. At most as many as users.
    pub conversations: usize,
    /// Messages of each group, at least [`UNREAD`].
    pub messages: u64,
}

/// Bytes of each message's content.
pub const CONTENT_BYTES: usize = 128;

/// Messages that each has yet to read, but the one who wrote them.
pub const UNREAD: u64 = 4;

impl Lists {
    /// The group that is a user's own (0), and those after it, by its number; `which` is below `conversations`.
    #[must_use]
    pub fn group(&self, user: usize, which: usize) -> usize {
        // As far apart as there are groups enough: neighbours in time are no neighbours in the database.
        (user - 1 + which * (self.users / self.conversations)) % self.users + 1
    }

    /// What a user has read in a group.
    #[must_use]
    pub fn read(&self, user: usize, group: usize) -> u64 {
        if user == group { self.messages } else { self.messages - UNREAD }
    }

    /// The counter in the content of a group's message.
    #[must_use]
    pub fn counter(&self, group: usize, seq: u64) -> u64 {
        group as u64 * 1_000 + seq
    }

    /// Puts all of it into a database that a server has made and nobody has used.
    ///
    /// # Errors
    /// The database isn't there, or has other tables; there are fewer users than a group has members.
    pub fn insert(&self, database: &Path) -> anyhow::Result<()> {
        let Self { users, conversations, .. } = *self;
        ensure!(users >= conversations, "groups of {conversations} members need as many connections");
        let mut connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let transaction = connection.transaction()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        self.messages(&transaction, i64::try_from(now.as_millis())?)?;
        self.members(&transaction)?;
        Ok(transaction.commit()?)
    }

    /// The first messages of all groups, then the second ones: as when all are in use.
    fn messages(&self, transaction: &Transaction<'_>, now_ms: i64) -> anyhow::Result<()> {
        const MESSAGE: &str = "INSERT INTO messages (commit_no, conversation, seq, id, type, version, sender, body, created_at) \
            VALUES (?1, ?2, ?3, ?1, 'group', 1, ?2, ?4, ?5)";
        const GROUP: &str = "INSERT INTO conversations (id, key, kind, last_seq, touched_at, last_commit) \
            VALUES (?1, 'group:' || ?1, 'group', ?2, ?3, ?4)";
        let last = self.messages;
        let mut commit = 0_i64;
        let mut insert = transaction.prepare(MESSAGE)?;
        let mut group_insert = transaction.prepare(GROUP)?;
        for seq in 1..=last {
            for group in 1..=self.users {
                commit += 1;
                let mut content = Vec::new();
                message::content(&mut content, self.counter(group, seq), CONTENT_BYTES);
                let content = String::from_utf8(content).context("digits and filler are ASCII")?;
                let body = format!(r#"{{"group_id":{group},"content":"{content}"}}"#);
                insert.execute(params![commit, group as i64, seq as i64, body, now_ms])?;
                if seq == last {
                    group_insert.execute(params![group as i64, last as i64, now_ms / 1_000, commit])?;
                }
            }
        }
        transaction.execute("UPDATE meta SET last_commit = ?1, last_id = ?1", [commit])?;
        Ok(())
    }

    fn members(&self, transaction: &Transaction<'_>) -> anyhow::Result<()> {
        const MEMBER: &str = "INSERT INTO members (conversation, user, joined_seq, read_seq) VALUES (?1, ?2, 0, ?3)";
        let mut seats: Vec<(usize, usize)> = (1..=self.users)
            .flat_map(|user| (0..self.conversations).map(move |which| (self.group(user, which), user)))
            .collect();
        // Groups are made one after the other.
        seats.sort_unstable();
        let mut insert = transaction.prepare(MEMBER)?;
        for (group, user) in seats {
            insert.execute(params![group as i64, user as i64, self.read(user, group) as i64])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn each_user_is_in_so_many_groups_and_each_group_has_so_many_members() {
        for users in [10, 57, 200] {
            let lists = Lists { users, conversations: 10, messages: 5 };
            let mut members: BTreeMap<usize, usize> = BTreeMap::new();
            for user in 1..=users {
                let own: BTreeSet<usize> = (0..10).map(|which| lists.group(user, which)).collect();
                assert!(own.len() == 10 && own.contains(&user), "{own:?}");
                own.into_iter().for_each(|group| *members.entry(group).or_default() += 1);
            }
            assert!(members.len() == users && members.values().all(|&number| number == 10), "{members:?}");
        }
        let few = Lists { users: 9, conversations: 10, messages: 5 }.insert(Path::new("nowhere"));
        assert!(few.is_err());
    }
}
