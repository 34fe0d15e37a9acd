//! SQLite keeps what every adapter must, on real files.

use std::sync::Arc;

use tidings_engine::ports::{Revocations, Rollouts, ServiceKeys};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_testkit::contract::{Opened, Stores, Subject, sessions::Sessions, wait};

use super::support::{Folder, Hand};

impl Stores for Folder {
    fn open(&self, queue_acts: usize) -> Opened {
        let mut options = SqliteOptions::new(self.path(), Hand::at(1_000));
        options.queue_acts = queue_acts;
        Opened::same(Arc::new(SqliteStore::open(options).expect("the store opens")))
    }
}

fn folder() -> Folder {
    Folder::new()
}

fn keys() -> Subject<dyn ServiceKeys> {
    let folder = Folder::new();
    Subject::new(Arc::new(folder.open(Hand::at(1_000))), folder)
}

fn revocations() -> Subject<dyn Revocations> {
    let folder = Folder::new();
    Subject::new(Arc::new(folder.open(Hand::at(1_000))), folder)
}

fn rollouts() -> Subject<dyn Rollouts> {
    let folder = Folder::new();
    Subject::new(Arc::new(folder.open(Hand::at(1_000))), folder)
}

fn sessions() -> Sessions {
    let folder = Folder::new();
    let hand = Hand::at(1_000);
    let store = folder.open(hand.clone());
    let (create, delete) = (store.clone(), store.clone());
    Sessions {
        resolver: Arc::new(store.clone()),
        revocations: Arc::new(store),
        create: Box::new(move |user, expires_at| wait(create.create_session(user, expires_at))),
        delete: Box::new(move |cookie| wait(delete.delete_session(cookie))),
        set_time: Box::new(move |unix| hand.set(unix)),
        lives: Box::new(folder),
    }
}

tidings_testkit::message_store_contract!(folder);
tidings_testkit::groups_contract!(folder);
tidings_testkit::service_keys_contract!(keys);
tidings_testkit::revocations_contract!(revocations);
tidings_testkit::rollouts_contract!(rollouts);
tidings_testkit::sessions_contract!(sessions);
