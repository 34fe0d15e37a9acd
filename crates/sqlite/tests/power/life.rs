//! One life of the store: it opens on what the last cut left, is checked, works for several senders, and loses its power.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rusqlite::{Connection, OpenFlags};
use smallvec::{SmallVec, smallvec};
use tidings_engine::{
    act::{Act, CommitNumber, Entry, Op, Origin, Require, Settled, Value, Write},
    clock::{Clock, Now},
    ports::{CommitSink, MessageStore, Page, Reader},
};
use tidings_sqlite::{FILE, MigrationSource, Planted, SqliteOptions, SqliteStore};
use tidings_testkit::contract::act;
use tidings_wire::{ConversationKey, GroupId, MessageId, UserId};

use super::{
    book::{Book, NO_ANSWER, Wrong, ensure, wait},
    vfs::Plugged,
};

/// How long the store may take for an answer. A test that comes here has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pack whose rows are written beside messages.
const NOTES: MigrationSource<'static> =
    (1, "notes", "CREATE TABLE load_notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);");

/// How a life goes.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) seed: u64,
    pub(crate) senders: u64,
    /// Acts that each sender has under way at once.
    pub(crate) under_way: usize,
    /// Acts of each sender; then the store is stopped in good order, unless the cut comes first.
    pub(crate) each: usize,
    pub(crate) commit_acts: usize,
    pub(crate) checkpoint_pages: u32,
    pub(crate) log_bytes: u64,
    pub(crate) planted: Option<Planted>,
}

/// Tells each sender what came of its acts.
struct Tell(Vec<SyncSender<Settled>>);

impl CommitSink for Tell {
    fn settled(&self, batch: Vec<Settled>) {
        for settled in batch {
            let Origin::Call(sender) = settled.act.origin else { panic!("{settled:?}") };
            // A sender that found something wrong has gone.
            let _ = self.0[sender as usize].send(settled);
        }
    }

    fn room(&self) {}
}

/// What the senders share.
struct Work<'a> {
    life: &'a Life,
    store: &'a SqliteStore,
    folder: &'a Path,
    plugged: &'a Plugged,
    book: &'a Mutex<Book>,
    next_id: AtomicI64,
}

impl Life {
    /// Lives until the power goes or the work is done.
    ///
    /// # Errors
    /// What was found wrong: a loss.
    pub(crate) fn run(&self, folder: &Path, plugged: &Plugged, book: &Mutex<Book>) -> Result<(), Wrong> {
        let mut options = SqliteOptions::new(folder, Arc::new(Still));
        options.commit_acts = self.commit_acts;
        options.checkpoint_pages = self.checkpoint_pages;
        options.log_bytes = self.log_bytes;
        options.planted = self.planted;
        options.disk = Some(plugged.own());
        let store = match SqliteStore::open(options) {
            Ok(store) => store,
            Err(_) if is_in_trouble(plugged) => return Ok(()),
            Err(error) => return Err(format!("it does not open: {error:?}")),
        };
        let lived = self.check_and_work(&store, folder, plugged, book);
        store.stop();
        lived
    }

    fn check_and_work(
        &self,
        store: &SqliteStore,
        folder: &Path,
        plugged: &Plugged,
        book: &Mutex<Book>,
    ) -> Result<(), Wrong> {
        match store.migrate_pack("load", &[NOTES]) {
            Ok(()) => {}
            Err(_) if is_in_trouble(plugged) => return Ok(()),
            Err(error) => return Err(format!("the pack's table is not made: {error:?}")),
        }
        let (tell, told): (Vec<_>, Vec<_>) = (0..self.senders).map(|_| sync_channel(self.under_way)).unzip();
        let start = store.start(Arc::new(Tell(tell))).map_err(|error| error.to_string())?;
        let checked = lock(book).is_kept_by(store, &start, folder);
        // A cut in a step whose failure SQLite passes over (the log shortened, the file deleted) shows here first.
        if plugged.disk().is_off() {
            return Ok(());
        }
        match checked {
            // What is not read now is checked in the next life.
            Err(wrong) if wrong.starts_with(NO_ANSWER) && is_in_trouble(plugged) => return Ok(()),
            checked => checked?,
        }
        let next_id = AtomicI64::new(start.last_id.map_or(1, |last| last.get() + 1));
        let work = Work { life: self, store, folder, plugged, book, next_id };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| work.read(&done));
            let senders = (0..).zip(told).map(|(number, told)| {
                let work = &work;
                scope.spawn(move || work.send(number, &told))
            });
            let senders: Vec<_> = senders.collect();
            let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().expect("no sender panics")).collect();
            done.store(true, Ordering::Relaxed);
            let read = reader.join().expect("the reader doesn't panic");
            sent.into_iter().chain([read]).collect()
        })
    }
}

impl Work<'_> {
    /// Sends until all is sent, or the power is off.
    fn send(&self, number: u64, told: &Receiver<Settled>) -> Result<(), Wrong> {
        let mut rng = StdRng::seed_from_u64(self.life.seed ^ (number + 1));
        let mut acts: VecDeque<Act> = VecDeque::from([self.join(number)]);
        let (mut sent, mut under_way, mut is_on) = (0, 0, true);
        loop {
            while is_on && sent < self.life.each && under_way + acts.len() < self.life.under_way {
                acts.push_back(self.act(number, &mut rng));
                sent += 1;
            }
            under_way += acts.len();
            acts.iter().for_each(|act| lock(self.book).tries(act));
            assert!(self.store.submit(&mut acts), "the queue is longer than all that is under way");
            if under_way == 0 {
                return Ok(());
            }
            let settled = told.recv_timeout(PATIENCE).map_err(|_| "an act is not answered".to_owned())?;
            under_way -= 1;
            let is_kept = lock(self.book).takes(settled)?;
            is_on = !self.plugged.disk().is_off();
            if !is_kept && !is_in_trouble(self.plugged) {
                return Err(format!("the store fails with the power on: {:?}", self.store.health()));
            }
            if is_on && rng.random_bool(0.02) {
                self.sign_in(number)?;
            }
        }
    }

    /// Reads meanwhile, so that checkpoints meet readers.
    fn read(&self, done: &AtomicBool) -> Result<(), Wrong> {
        let page = Page { before: None, after: Some(0), limit: 50 };
        let of = ConversationKey::dm(sender(0), peer(0));
        let mut rng = StdRng::seed_from_u64(self.life.seed);
        let mut held = Vec::new();
        while !done.load(Ordering::Relaxed) {
            if rng.random_bool(0.2) {
                held.extend(self.hold());
            } else if rng.random_bool(0.2) {
                held.clear();
            }
            let log = wait(self.store.since(CommitNumber(0), 100)).map(drop);
            let history = wait(self.store.history(of, Reader::User(sender(0)), page)).map(drop);
            if self.plugged.disk().is_off() {
                return Ok(());
            }
            log.and(history).or_else(|wrong| ensure(is_in_trouble(self.plugged), || wrong))?;
        }
        Ok(())
    }

    /// A snapshot that somebody else reads on and on: checkpoints copy what is older, without a sync. None where the power is off.
    fn hold(&self) -> Option<Connection> {
        let connection = Connection::open_with_flags(self.folder.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        connection.execute_batch("BEGIN; SELECT count(*) FROM meta;").ok()?;
        Some(connection)
    }

    fn sign_in(&self, number: u64) -> Result<(), Wrong> {
        match wait(self.store.create_session(sender(number), 9_000)) {
            Ok(cookie) => lock(self.book).takes_session(cookie, sender(number)),
            Err(_) if is_in_trouble(self.plugged) => {}
            Err(wrong) => return Err(wrong),
        }
        Ok(())
    }

    fn join(&self, number: u64) -> Act {
        Act { origin: Origin::Call(number), ..act(None, [Op::Join(group(), sender(number))]) }
    }

    /// A message of any kind: with and without a key, under a key that was tried before, with a row of the pack's, to a group.
    fn act(&self, number: u64, rng: &mut StdRng) -> Act {
        let repeats = rng.random_bool(0.1);
        let repeated = lock(self.book).earlier_key(rng.random_range(0..usize::MAX)).filter(|_| repeats);
        let user = repeated.as_ref().map_or(sender(number), |(user, _)| *user);
        let to_group = repeated.is_none() && rng.random_bool(0.15);
        let noted = repeated.is_none() && rng.random_bool(0.2);
        let has_key = rng.random_bool(0.8);
        let dm = ConversationKey::dm(user, peer(rng.random_range(0..3)));
        let entry = self.entry(if to_group { ConversationKey::Group(group()) } else { dm }, rng.random_range(10..600));
        let new_key = has_key.then(|| format!("key-{}", entry.id.get()).parse().expect("it is a key"));
        let key = repeated.map(|(_, key)| key).or(new_key);
        let note = [Value::Int(entry.id.get()), Value::from("noted")];
        let note = noted.then(|| Op::Sql(Write::new("INSERT INTO load_notes (id, text) VALUES ($1, $2)", note)));
        Act {
            origin: Origin::Call(number),
            key: key.map(|key| (key, [7; 16])),
            require: if to_group { smallvec![Require::Member(group(), user)] } else { SmallVec::new() },
            ..act(Some(user), note.into_iter().chain([Op::Message(entry)]))
        }
    }

    fn entry(&self, conversation: ConversationKey, length: usize) -> Entry {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        Entry {
            conversation,
            id: MessageId::from_stored(id).expect("ids are not negative"),
            kind: "private",
            version: 1,
            body: Bytes::from(format!("{{\"content\":\"{}\"}}", "x".repeat(length))),
            created_at_ms: id * 1_000,
            withheld: None,
        }
    }
}

/// Whether the store may answer with an error: the power is off, or a sync failed.
fn is_in_trouble(plugged: &Plugged) -> bool {
    let disk = plugged.disk();
    disk.is_off() || disk.failed_syncs() > 0
}

/// A clock that stands.
struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        Now { unix_ms: 1_000_000, mono: Duration::from_secs(1_000) }
    }
}

fn sender(number: u64) -> UserId {
    UserId::new(1 + number as u32)
}

fn peer(number: u32) -> UserId {
    UserId::new(100 + number)
}

fn group() -> GroupId {
    GroupId::new(5)
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().expect("nothing panics while it holds this lock")
}
