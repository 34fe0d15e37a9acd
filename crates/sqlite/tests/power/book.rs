//! What was asked of the store and what it acknowledged, over all its lives; and whether a database keeps all of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rusqlite::{Connection, OpenFlags};
use tidings_engine::{
    act::{Act, CommitNumber, Op, Outcome, Receipt, Settled},
    ports::{BoxFuture, MessageStore, SessionResolver, Start, StoreError, StoredMessage},
};
use tidings_sqlite::{FILE, SqliteStore};
use tidings_wire::{ConversationKey, Key, UserId};

/// What is wrong, in a sentence.
pub(crate) type Wrong = String;

/// How it begins where a port has no answer.
pub(crate) const NO_ANSWER: &str = "the store does not answer";

/// A message that was tried.
struct Tried {
    sender: UserId,
    conversation: ConversationKey,
    key: Option<Key>,
    /// Whether its act writes a row of the pack too.
    noted: bool,
}

/// Where a message stands that was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stands {
    receipt: Receipt,
    /// None where a repeat was told of it: the first answer never came.
    commit: Option<CommitNumber>,
}

/// What was asked and acknowledged.
#[derive(Default)]
pub(crate) struct Book {
    /// By message id.
    tried: BTreeMap<i64, Tried>,
    acknowledged: BTreeMap<i64, Stands>,
    keys: Vec<(UserId, Key)>,
    sessions: Vec<(String, UserId)>,
    members: BTreeSet<UserId>,
    highest_commit: CommitNumber,
}

impl Book {
    /// How many messages were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// A key that was tried before, with its sender: the number picks one.
    pub(crate) fn earlier_key(&self, number: usize) -> Option<(UserId, Key)> {
        let at = number.checked_rem(self.keys.len())?;
        Some(self.keys[at].clone())
    }

    /// An act is about to be submitted.
    pub(crate) fn tries(&mut self, act: &Act) {
        let noted = act.ops.iter().any(|op| matches!(op, Op::Sql(_)));
        for op in &act.ops {
            let (Op::Message(entry), Some(sender)) = (op, act.sender) else { continue };
            let key = act.key.as_ref().map(|(key, _)| key.clone());
            self.keys.extend(key.clone().map(|key| (sender, key)));
            self.tried.insert(entry.id.get(), Tried { sender, conversation: entry.conversation, key, noted });
        }
    }

    /// A session was given.
    pub(crate) fn takes_session(&mut self, cookie: String, user: UserId) {
        self.sessions.push((cookie, user));
    }

    /// Notes what came of an act; false where it is not known to be on disk.
    pub(crate) fn takes(&mut self, settled: Settled) -> Result<bool, Wrong> {
        let Settled { act, commit, outcome } = settled;
        match outcome {
            Outcome::Stored { receipts, .. } => {
                self.members.extend(
                    act.ops.iter().filter_map(|op| if let Op::Join(_, user) = op { Some(*user) } else { None }),
                );
                for receipt in receipts {
                    self.highest_commit = self.highest_commit.max(commit.unwrap_or_default());
                    self.stands(receipt, commit)?;
                }
                Ok(true)
            }
            Outcome::Duplicate(receipt) => {
                let tried = self.tried.get(&receipt.id.get());
                let key = act.key.map(|(key, _)| key);
                ensure(tried.is_some_and(|tried| tried.key == key), || {
                    format!("{key:?} is said to stand at {receipt:?}")
                })?;
                self.stands(receipt, None).map(|()| true)
            }
            Outcome::Unavailable(_) => Ok(false),
            // Their joining was answered `unavailable`.
            Outcome::Refused(_) if act.sender.is_some_and(|user| !self.members.contains(&user)) => Ok(true),
            other => Err(format!("{act:?} is answered with {other:?}")),
        }
    }

    fn stands(&mut self, receipt: Receipt, commit: Option<CommitNumber>) -> Result<(), Wrong> {
        let new = Stands { receipt, commit };
        let known = self.acknowledged.entry(new.receipt.id.get()).or_insert_with(|| new.clone());
        known.commit = known.commit.or(commit);
        ensure(known.receipt == new.receipt, || format!("{known:?} was acknowledged, then {new:?}"))
    }

    /// Whether the store keeps all that was acknowledged, and nothing is amiss in what else it has.
    pub(crate) fn is_kept_by(&self, store: &SqliteStore, start: &Start, folder: &Path) -> Result<(), Wrong> {
        let found = wait(store.since(CommitNumber(0), u32::MAX))?;
        self.has_all(&found)?;
        self.is_in_order(&found)?;
        let last = found.last().map_or(CommitNumber(0), |(commit, _)| *commit);
        ensure(start.last_commit >= last.max(self.highest_commit), || {
            format!("commits go on after {}, {last} is there, {} was told", start.last_commit, self.highest_commit)
        })?;
        let highest = found.iter().map(|(_, message)| message.id).max();
        let told = self.acknowledged.keys().next_back().copied();
        ensure(start.last_id >= highest && start.last_id.map(|id| id.get()) >= told, || {
            format!("ids go on after {:?}, {highest:?} is there, {told:?} was told", start.last_id)
        })?;
        for (cookie, user) in &self.sessions {
            let session = wait(store.resolve(cookie.clone()))?;
            ensure(session.is_some_and(|session| session.user == *user), || format!("the session of {user} is lost"))?;
        }
        self.tables_fit(&found, folder).map_err(|error| error.to_string())?
    }

    /// Everything acknowledged is where it was said to be.
    fn has_all(&self, found: &[(CommitNumber, StoredMessage)]) -> Result<(), Wrong> {
        let by_id: BTreeMap<i64, _> =
            found.iter().map(|(commit, message)| (message.id.get(), (commit, message))).collect();
        ensure(by_id.len() == found.len(), || "an id is there twice".to_owned())?;
        for (id, Stands { receipt, commit }) in &self.acknowledged {
            let Some((at, message)) = by_id.get(id) else { return Err(format!("{receipt:?} is lost")) };
            let place = (message.conversation, message.seq, message.created_at_ms);
            let is_there = place == (receipt.conversation, receipt.seq, receipt.created_at_ms);
            ensure(is_there && commit.is_none_or(|commit| commit == **at), || {
                format!("{receipt:?} of {commit:?} was acknowledged, and {message:?} of {at} is there")
            })?;
        }
        for (id, (_, message)) in by_id {
            let as_tried = self.tried.get(&id).is_some_and(|tried| {
                (Some(tried.sender), tried.conversation, &tried.key)
                    == (message.sender, message.conversation, &message.key)
            });
            ensure(as_tried, || format!("nobody sent {message:?}"))?;
        }
        Ok(())
    }

    /// Commits rise, the seqs of each conversation are 1, 2, 3 …, and no key was stored twice.
    fn is_in_order(&self, found: &[(CommitNumber, StoredMessage)]) -> Result<(), Wrong> {
        let rising = found.windows(2).all(|pair| pair[0].0 < pair[1].0);
        ensure(rising, || "commit numbers don't rise".to_owned())?;
        let mut heads = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (_, message) in found {
            let head = heads.entry(message.conversation.to_string()).or_insert(0);
            ensure(message.seq == *head + 1, || format!("{} follows {head} in {}", message.seq, message.conversation))?;
            *head = message.seq;
            if let Some(key) = &message.key {
                ensure(keys.insert((message.sender, key.clone())), || format!("{key} was stored twice"))?;
            }
        }
        Ok(())
    }

    /// What the tables say beside: heads, members, the pack's rows, and that the file is sound.
    fn tables_fit(
        &self,
        found: &[(CommitNumber, StoredMessage)],
        folder: &Path,
    ) -> rusqlite::Result<Result<(), Wrong>> {
        let connection = Connection::open_with_flags(folder.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let mut statement =
            connection.prepare("SELECT key, last_seq, last_commit FROM conversations WHERE last_seq > 0")?;
        let heads = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, (row.get(1)?, CommitNumber(row.get(2)?)))))?
            .collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
        let last = found.iter().map(|(commit, message)| (message.conversation.to_string(), (message.seq, *commit)));
        let last: BTreeMap<_, _> = last.collect();
        let mut statement = connection.prepare("SELECT id FROM load_notes")?;
        let notes = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<BTreeSet<i64>>>()?;
        let noted = |id: &i64| self.tried.get(id).is_some_and(|tried| tried.noted);
        let expected: BTreeSet<i64> = found.iter().map(|(_, message)| message.id.get()).filter(noted).collect();
        let sql = "SELECT count(*) FROM members m JOIN conversations c ON c.id = m.conversation \
                   WHERE c.kind = 'group' AND m.left_seq IS NULL";
        let members: usize = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(ensure(sound == "ok", || sound)
            .and_then(|()| ensure(mode == "wal", || format!("it works in mode {mode}")))
            .and_then(|()| ensure(heads == last, || format!("heads are {heads:?}, messages end at {last:?}")))
            .and_then(|()| ensure(notes == expected, || format!("notes are {notes:?}, should be {expected:?}")))
            .and_then(|()| {
                ensure(members >= self.members.len(), || format!("{members} of {:?} are there", self.members))
            }))
    }
}

/// Waits for a port's answer.
pub(crate) fn wait<T>(answer: BoxFuture<Result<T, StoreError>>) -> Result<T, Wrong> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers is memory");
    runtime.block_on(answer).map_err(|error| format!("{NO_ANSWER}: {error:?}"))
}

/// What must hold, or what is wrong.
pub(crate) fn ensure(holds: bool, wrong: impl FnOnce() -> Wrong) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(wrong()) }
}
