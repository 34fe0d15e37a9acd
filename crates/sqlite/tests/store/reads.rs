//! The readers: their bound, and what they see.

use std::sync::{Arc, mpsc::sync_channel};

use tidings_engine::{
    act::CommitNumber,
    clock::{Clock, Now},
    ports::{MessageStore, StoreError},
};
use tidings_sqlite::SqliteStore;
use tidings_testkit::contract::{World, wait};

use super::support::{Folder, Hand};

/// A clock that tells once that it was looked at, and then holds its caller until it is let go.
struct Holding {
    looked: std::sync::mpsc::SyncSender<()>,
    go: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Clock for Holding {
    fn now(&self) -> Now {
        if std::thread::current().name().is_some_and(|name| name.starts_with("tidings-reader")) {
            let _ = self.looked.try_send(());
            // Once the test has let go, nothing holds any more.
            let _ = self.go.lock().expect("nothing panics meanwhile").recv();
        }
        Now::default()
    }
}

#[test]
fn a_read_too_many_is_refused_and_the_others_are_answered() {
    let folder = Folder::new();
    let (looked, held) = sync_channel(1);
    let (go, let_go) = sync_channel::<()>(0);
    let clock = Arc::new(Holding { looked, go: std::sync::Mutex::new(let_go) });
    let mut options = tidings_sqlite::SqliteOptions::new(folder.path(), clock);
    (options.readers, options.queue_reads) = (1, 2);
    let store = SqliteStore::open(options).unwrap();
    let first = store.query("SELECT 1".into(), vec![]);
    held.recv().unwrap();
    let waiting = [store.since(CommitNumber(0), 1), store.since(CommitNumber(0), 1)];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let refused = runtime.block_on(store.since(CommitNumber(0), 1));
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    drop(go);
    assert_eq!(wait(first).len(), 1);
    for read in waiting {
        assert_eq!(wait(read), []);
    }
}

#[test]
fn a_read_sees_every_commit_that_was_told_before() {
    let folder = Folder::new();
    let world = World::open(&folder);
    for seq in 1..=200 {
        world.send(2, 7);
        assert_eq!(wait(world.store().since(CommitNumber(seq - 1), 10)).len(), 1);
    }
}

#[test]
fn a_reader_writes_nothing_and_a_stopped_store_reads_nothing() {
    let folder = Folder::new();
    let store = folder.open(Hand::at(0));
    store.stop();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(store.since(CommitNumber(0), 1));
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    let session = runtime.block_on(store.create_session(tidings_wire::UserId::new(2), 9));
    assert!(matches!(session, Err(StoreError::Unavailable(_))), "{session:?}");
}
