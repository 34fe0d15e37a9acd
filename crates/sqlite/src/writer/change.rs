//! Edits and deletions of messages that are stored.

use rusqlite::{Connection, OptionalExtension, params};
use tidings_engine::{
    act::{Change, CommitNumber, Receipt},
    ports::Reader,
};
use tidings_wire::{ConversationKey, Reject, Seq, UserId};

use super::batch::{Appended, Batch, Done, append};
use crate::{
    ids::{Body, SqlId},
    members, read,
    statement::StatementError,
    withheld::{self, Withheld},
};

impl Batch<'_> {
    /// Changes the message and appends the event of it; the refusal where that may not be.
    pub(super) fn change(&mut self, change: &Change, done: &mut Done) -> Result<Option<Reject>, StatementError> {
        let Change { conversation: key, of, by, id, at_ms, .. } = *change;
        let found = match self.changeable(key, of, by)? {
            Ok(found) => found,
            Err(reject) => return Ok(Some(reject)),
        };
        let new = change.withheld.filter(|_| change.body.is_some());
        let aside = self.aside(key, found.withheld.or(new))?;
        let commit = self.counters.last_commit + 1;
        let appended @ Appended { conversation, seq, .. } = append(self.connection, key, at_ms, commit)?;
        let (version, is_edit) = match &change.body {
            Some((version, body)) => {
                self.connection.prepare_cached(EDIT)?.execute(params![conversation, of, Body(body), version, at_ms])?;
                (*version, true)
            }
            None => {
                self.connection.prepare_cached(DELETE)?.execute(params![conversation, of, at_ms])?;
                (found.version, false)
            }
        };
        let time = |is_so: bool| is_so.then_some(at_ms);
        self.connection.prepare_cached(EVENT)?.execute(params![
            commit,
            conversation,
            seq,
            id.get(),
            found.kind,
            version,
            by.map(SqlId::from),
            of,
            at_ms,
            time(is_edit),
            time(!is_edit),
        ])?;
        self.counted(commit, id.get());
        if let Some(aside) = aside {
            if found.withheld.is_none() {
                withheld::add(self.connection, conversation, aside.user, of)?;
            }
            self.put_aside(appended, aside, id, done)?;
        }
        done.commit = Some(CommitNumber(commit));
        done.receipts.push(Receipt { id, conversation: key, seq, created_at_ms: at_ms });
        Ok(None)
    }

    fn changeable(
        &self,
        key: ConversationKey,
        of: Seq,
        by: Option<UserId>,
    ) -> Result<Result<Found, Reject>, StatementError> {
        let missing = || Err(Reject::not_found("there is no such message"));
        let Some(stream) = members::stream(self.connection, key)? else { return Ok(missing()) };
        let Some(mut found) = find(self.connection, stream.id, of)? else { return Ok(missing()) };
        if stream.withheld != Withheld::Nothing {
            found.withheld = withheld::from_whom(self.connection, key, stream.id, of)?;
        }
        let Some(by) = by else { return Ok(Ok(found)) };
        let visible = read::visible(self.connection, stream, Reader::User(by))?;
        Ok(if visible.only(of).is_none() {
            missing()
        } else if found.sender != Some(SqlId::from(by)) {
            Err(Reject::not_allowed("only its sender changes a message"))
        } else {
            Ok(found)
        })
    }
}

/// What an event takes of the message that it is about.
struct Found {
    kind: String,
    version: u16,
    sender: Option<SqlId>,
    /// The one of a dm who is never shown it.
    withheld: Option<UserId>,
}

pub(super) const FOUND: &str = "SELECT type, version, sender FROM messages \
    WHERE conversation = ?1 AND seq = ?2 AND \"of\" IS NULL AND deleted_at IS NULL";

fn find(connection: &Connection, conversation: i64, seq: Seq) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached(FOUND)?
        .query_row(params![conversation, seq], |row| {
            Ok(Found { kind: row.get(0)?, version: row.get(1)?, sender: row.get(2)?, withheld: None })
        })
        .optional()
}

pub(super) const EDIT: &str =
    "UPDATE messages SET body = ?3, version = ?4, edited_at = ?5 WHERE conversation = ?1 AND seq = ?2";

const DELETE: &str = "UPDATE messages SET body = '{}', deleted_at = ?3 WHERE conversation = ?1 AND seq = ?2";

pub(super) const EVENT: &str = "INSERT INTO messages \
    (commit_no, conversation, seq, id, type, version, sender, \"of\", body, created_at, edited_at, deleted_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '{}', ?9, ?10, ?11)";
