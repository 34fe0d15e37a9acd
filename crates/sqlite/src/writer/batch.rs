//! The acts of one transaction: what each finds, writes and answers.

use std::{collections::HashMap, time::Duration};

use rusqlite::{Connection, OptionalExtension, params};
use smallvec::SmallVec;
use tidings_engine::act::{
    Act, BodyHash, CommitNumber, Entry, Membership, Op, Otherwise, Outcome, ReadMark, Receipt, Request, Require, Row,
    Write,
};
use tidings_wire::{ConversationKey, GroupId, Key, MessageId, Reject, Seq, UserId};

use super::commit::{Answer, Counters};
use crate::{
    error::is_environment,
    ids::{Body, SqlId},
    members,
    open::Limit,
    requests, row, seen,
    statement::{self, StatementError},
    withheld::Withheld,
};

/// When a client may try again what was not known to be stored.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// The answer to an act that failed by itself, or by the database.
pub(super) fn failed() -> Answer {
    (None, Outcome::Unavailable(RETRY))
}

/// Why a transaction can't go on.
pub(super) enum Lost {
    /// An act's own statement ended it.
    ByAct(StatementError),
    /// The database does not work.
    ByDatabase(rusqlite::Error),
}

impl From<rusqlite::Error> for Lost {
    fn from(error: rusqlite::Error) -> Self {
        Self::ByDatabase(error)
    }
}

/// One transaction's acts.
pub(super) struct Batch<'a> {
    pub(super) connection: &'a Connection,
    limit: &'a Limit,
    before: Counters,
    pub(super) counters: Counters,
    pub(super) marks: Marks,
}

/// How far senders have read by sending: joined to one update for each of them and each stream.
pub(super) type Marks = HashMap<(i64, UserId), Seq>;

/// What the operations of one act came to.
#[derive(Default)]
pub(super) struct Done {
    pub(super) receipts: SmallVec<[Receipt; 1]>,
    rows: Vec<Vec<Row>>,
    membership: SmallVec<[Membership; 1]>,
    pub(super) reads: SmallVec<[ReadMark; 1]>,
    pub(super) marks: SmallVec<[(i64, UserId, Seq); 1]>,
    pub(super) commit: Option<CommitNumber>,
    pub(super) withheld: Vec<(MessageId, UserId)>,
    pub(super) met: bool,
}

/// How the operations of an act ended.
enum End {
    All,
    Quiet,
    Refused(Reject),
}

impl<'a> Batch<'a> {
    pub(super) fn new(connection: &'a Connection, limit: &'a Limit, counters: Counters) -> Self {
        Self { connection, limit, before: counters, counters, marks: Marks::new() }
    }

    /// Does one act.
    pub(super) fn act(&mut self, act: &Act) -> Result<Answer, Lost> {
        if let (Some(sender), Some((key, hash))) = (act.sender, &act.key)
            && let Some((receipt, known)) = keyed(self.connection, sender, key)?
        {
            return Ok((None, if known == *hash { Outcome::Duplicate(receipt) } else { Outcome::KeyReused }));
        }
        if let Some(Op::Request(Request { key, hash, .. })) = act.ops.first()
            && let Some((first, known)) = requests::found(self.connection, act.sender, key)?
        {
            return Ok((None, if known == *hash { Outcome::Repeated(first) } else { Outcome::KeyReused }));
        }
        for require in &act.require {
            if let Some(reject) = self.unmet(require)? {
                return Ok((None, Outcome::Refused(reject)));
            }
        }
        if act.ops.iter().any(|op| matches!(op, Op::Join(..) | Op::Leave(..))) {
            // A mark belongs to the membership as of the send.
            self.write_marks()?;
        }
        // An append alone has no statement of anybody else's that could fail and leave a part behind.
        let lone = matches!(act.ops.as_slice(), [] | [Op::Message(_)]);
        if lone { self.lone(act) } else { self.in_savepoint(act) }
    }

    /// Writes what was joined for the whole transaction, and says how far the counters came.
    pub(super) fn finish(mut self) -> rusqlite::Result<Counters> {
        self.write_marks()?;
        if self.counters.last_commit != self.before.last_commit {
            self.connection
                .prepare_cached("UPDATE meta SET last_commit = ?1, last_id = ?2")?
                .execute(params![self.counters.last_commit, self.counters.last_id])?;
        }
        Ok(self.counters)
    }

    fn lone(&mut self, act: &Act) -> Result<Answer, Lost> {
        let mut done = Done::default();
        match self.ops(act, &mut done) {
            Ok(_) => Ok(self.stored(done)),
            Err(source) => Err(lost(source)),
        }
    }

    fn in_savepoint(&mut self, act: &Act) -> Result<Answer, Lost> {
        let before = self.counters;
        self.run("SAVEPOINT act")?;
        let mut done = Done::default();
        let answer = match self.ops(act, &mut done) {
            Ok(End::All) => self.stored(done),
            Ok(End::Quiet) => (self.stored(done).0, Outcome::Quiet),
            Ok(End::Refused(reject)) => {
                self.undo(before)?;
                (None, Outcome::Refused(reject))
            }
            // SQLite has rolled everything back, or can't go on: the savepoint has gone too.
            Err(source) if self.connection.is_autocommit() || by_database(&source) => return Err(lost(source)),
            Err(source) => {
                tracing::error!(%source, "an act failed and was undone; it is answered `unavailable`");
                self.undo(before)?;
                failed()
            }
        };
        self.run("RELEASE act")?;
        Ok(answer)
    }

    fn undo(&mut self, before: Counters) -> rusqlite::Result<()> {
        self.counters = before;
        self.run("ROLLBACK TO act")
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn stored(&mut self, done: Done) -> Answer {
        for (conversation, user, seq) in done.marks {
            let mark = self.marks.entry((conversation, user)).or_default();
            *mark = seq.max(*mark);
        }
        let Done { receipts, rows, membership, reads, commit, withheld, met, .. } = done;
        (commit, Outcome::Stored { receipts, rows, membership, reads, withheld, met })
    }

    fn ops(&mut self, act: &Act, done: &mut Done) -> Result<End, StatementError> {
        for op in &act.ops {
            let mut refused = None;
            match op {
                Op::Request(request) => requests::remember(self.connection, act.sender, request)?,
                Op::Message(entry) => self.message(act, entry, done)?,
                Op::Join(group, user) => self.member(*group, *user, true, done)?,
                Op::Leave(group, user) => self.member(*group, *user, false, done)?,
                Op::Change(change) => refused = self.change(change, done)?,
                Op::Read(conversation, user, seq) => refused = self.read(*conversation, *user, *seq, done)?,
                Op::Seen(seen) => seen::seen(self.connection, *seen)?,
                Op::Sql(write) => match self.sql(write, done)? {
                    End::All => {}
                    end => return Ok(end),
                },
                _ => return Err(StatementError::Unknown),
            }
            if let Some(reject) = refused {
                return Ok(End::Refused(reject));
            }
        }
        Ok(End::All)
    }

    fn message(&mut self, act: &Act, entry: &Entry, done: &mut Done) -> Result<(), StatementError> {
        let commit = self.counters.last_commit + 1;
        let aside = self.aside(entry.conversation, entry.withheld)?;
        let appended = append(self.connection, entry.conversation, entry.created_at_ms, commit)?;
        let Appended { conversation, seq, .. } = appended;
        self.seat(entry.conversation, appended, aside.as_ref(), done)?;
        let key = act.key.as_ref().filter(|_| done.receipts.is_empty());
        self.connection.prepare_cached(INSERT)?.execute(params![
            commit,
            conversation,
            seq,
            entry.id.get(),
            entry.kind,
            entry.version,
            act.sender.map(SqlId::from),
            key.map(|(key, _)| key.as_str()),
            key.map(|(_, hash)| hash.as_slice()),
            Body(&entry.body),
            entry.created_at_ms,
        ])?;
        self.counted(commit, entry.id.get());
        if let Some(aside) = aside {
            self.put_aside(appended, aside, entry.id, done)?;
        }
        done.commit = Some(CommitNumber(commit));
        if let Some(sender) = act.sender {
            done.marks.push((conversation, sender, seq));
        }
        let Entry { conversation, id, created_at_ms, .. } = *entry;
        done.receipts.push(Receipt { id, conversation, seq, created_at_ms });
        Ok(())
    }

    /// A commit number and an id that are given never again.
    pub(super) fn counted(&mut self, commit: u64, id: i64) {
        self.counters = Counters { last_commit: commit, last_id: self.counters.last_id.max(Some(id)) };
    }

    fn member(&self, group: GroupId, user: UserId, joined: bool, done: &mut Done) -> Result<(), StatementError> {
        // They belong to the memberships as of now: who joins after sending has not read by it.
        for (conversation, user, seq) in done.marks.drain(..) {
            members::read_up_to(self.connection, conversation, user, seq)?;
        }
        let change = if joined { members::join } else { members::leave };
        if let Some(head) = change(self.connection, group, user)? {
            done.membership.push(Membership { group, user, joined, head });
        }
        Ok(())
    }

    fn sql(&self, write: &Write, done: &mut Done) -> Result<End, StatementError> {
        let ran = statement::write(self.connection, self.limit, &write.sql, &write.values)?;
        if !write.rows.contains(&ran.touched) {
            match &write.otherwise {
                Otherwise::Refuse(reject) => return Ok(End::Refused(reject.clone())),
                Otherwise::Quiet => return Ok(End::Quiet),
                Otherwise::Carry => {}
            }
        }
        if write.returning {
            done.rows.push(ran.rows);
        }
        Ok(End::All)
    }

    fn unmet(&self, require: &Require) -> rusqlite::Result<Option<Reject>> {
        match require {
            Require::Member(group, user) => {
                let member = members::is_member(self.connection, *group, *user)?;
                Ok((!member).then(Reject::not_a_member))
            }
            _ => Ok(Some(Reject::unavailable(RETRY))),
        }
    }

    fn write_marks(&mut self) -> rusqlite::Result<()> {
        for ((conversation, user), seq) in self.marks.drain() {
            members::read_up_to(self.connection, conversation, user, seq)?;
        }
        Ok(())
    }
}

const INSERT: &str = "INSERT INTO messages \
    (commit_no, conversation, seq, id, type, version, sender, key, key_hash, body, created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

const APPEND: &str = "INSERT INTO conversations (key, kind, last_seq, touched_at, last_commit) VALUES (?1, ?2, 1, ?3, ?4) \
    ON CONFLICT (key) DO UPDATE SET last_seq = last_seq + 1, touched_at = excluded.touched_at, \
    last_commit = excluded.last_commit RETURNING id, last_seq, withheld";

const KEYED: &str = "SELECT m.id, c.key, m.seq, m.created_at, m.key_hash FROM messages m \
    JOIN conversations c ON c.id = m.conversation WHERE m.sender = ?1 AND m.key = ?2";

/// The next place in a stream.
#[derive(Clone, Copy)]
pub(super) struct Appended {
    /// `conversations.id`.
    pub(super) conversation: i64,
    pub(super) seq: Seq,
    /// Of what came before.
    pub(super) withheld: Withheld,
}

/// Takes the next place in a stream, which comes to be where it is missing.
pub(super) fn append(
    connection: &Connection,
    conversation: ConversationKey,
    at_ms: i64,
    commit: u64,
) -> rusqlite::Result<Appended> {
    let values = params![conversation.to_string(), conversation.kind(), at_ms.div_euclid(1_000), commit];
    connection
        .prepare_cached(APPEND)?
        .query_row(values, |row| Ok(Appended { conversation: row.get(0)?, seq: row.get(1)?, withheld: row.get(2)? }))
}

/// What is stored under a sender's key.
pub(crate) fn keyed(
    connection: &Connection,
    sender: UserId,
    key: &Key,
) -> rusqlite::Result<Option<(Receipt, BodyHash)>> {
    connection
        .prepare_cached(KEYED)?
        .query_row(params![SqlId::from(sender), key.as_str()], |row| {
            let receipt = Receipt {
                id: row::message_id(row, 0)?,
                conversation: row::conversation(row, 1)?,
                seq: row.get(2)?,
                created_at_ms: row.get(3)?,
            };
            Ok((receipt, row.get(4)?))
        })
        .optional()
}

fn by_database(error: &StatementError) -> bool {
    matches!(error, StatementError::Sqlite(error) if is_environment(error))
}

fn lost(source: StatementError) -> Lost {
    match source {
        StatementError::Sqlite(error) if is_environment(&error) => Lost::ByDatabase(error),
        source => Lost::ByAct(source),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{open, options::SqliteOptions, writer::change};
    use rusqlite::StatementStatus;
    use smallvec::smallvec;
    use tidings_engine::{
        act::{Change, Origin},
        clock::SystemClock,
    };

    #[test]
    fn what_every_message_change_and_read_runs_is_prepared_once() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path(), Arc::new(SystemClock::new()));
        let (opened, _) = open::first(&options).unwrap();
        let mut batch = Batch::new(&opened.connection, &opened.limit, Counters { last_commit: 0, last_id: None });
        for number in 1..=20_u32 {
            let entry = Entry {
                conversation: ConversationKey::dm(UserId::new(number % 3), UserId::new(7)),
                id: MessageId::from_stored(i64::from(number)).unwrap(),
                kind: "private",
                version: 1,
                body: "{}".into(),
                created_at_ms: 0,
                withheld: None,
            };
            let act = Act {
                origin: Origin::Nobody,
                sender: Some(UserId::new(number % 3)),
                key: Some((number.to_string().parse().unwrap(), [0; 16])),
                require: smallvec![],
                ops: smallvec![Op::Message(entry)],
                project: None,
            };
            let (ann, dm) = (UserId::new(number % 3), ConversationKey::dm(UserId::new(number % 3), UserId::new(7)));
            let id = MessageId::from_stored(i64::from(number) + 100).unwrap();
            let edit = Change {
                conversation: dm,
                of: 1,
                by: Some(ann),
                id,
                body: Some((1, "{}".into())),
                at_ms: 0,
                withheld: None,
            };
            let also = |op| Act {
                origin: Origin::Nobody,
                sender: Some(ann),
                key: None,
                require: smallvec![],
                ops: smallvec![op],
                project: None,
            };
            for act in [act, also(Op::Change(edit)), also(Op::Read(dm, UserId::new(7), u64::from(number / 3)))] {
                assert!(batch.act(&act).is_ok_and(|(_, outcome)| matches!(outcome, Outcome::Stored { .. })));
            }
            batch.write_marks().unwrap();
        }
        let for_messages = [KEYED, APPEND, INSERT, members::READ_UP_TO];
        let for_changes = [change::FOUND, change::EDIT, change::EVENT];
        let for_reads = [members::SEAT, members::SET_MARK, crate::read::UNCOUNTED, crate::read::GONE];
        for sql in for_messages.into_iter().chain(for_changes).chain(for_reads) {
            let statement = opened.connection.prepare_cached(sql).unwrap();
            let status = |of| statement.get_status(of);
            assert!(status(StatementStatus::Run) > 1, "{sql} was not run");
            assert_eq!(status(StatementStatus::RePrepare), 0, "{sql}");
            assert_eq!(status(StatementStatus::FullscanStep), 0, "{sql}");
        }
    }
}
