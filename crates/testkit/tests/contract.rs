//! The ports in memory keep what every adapter must.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use tidings_engine::{
    clock::{Clock, Now},
    ports::{Revocations, Rollouts, ServiceKeys},
};
use tidings_testkit::{
    contract::{Opened, Stores, Subject, sessions::Sessions},
    memory::MemoryStore,
};

/// Unix seconds, set by hand.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Now {
        Now { unix_ms: self.0.load(Ordering::Relaxed) * 1_000, ..Now::default() }
    }
}

struct Memory(MemoryStore);

impl Stores for Memory {
    fn open(&self, queue_acts: usize) -> Opened {
        Opened::same(Arc::new(self.0.reopen(queue_acts)))
    }
}

fn hand() -> Arc<Hand> {
    Arc::new(Hand(AtomicI64::new(1_000)))
}

fn memory() -> Memory {
    Memory(MemoryStore::new(hand()))
}

fn keys() -> Subject<dyn ServiceKeys> {
    Subject::new(Arc::new(MemoryStore::new(hand())), ())
}

fn revocations() -> Subject<dyn Revocations> {
    Subject::new(Arc::new(MemoryStore::new(hand())), ())
}

fn rollouts() -> Subject<dyn Rollouts> {
    Subject::new(Arc::new(MemoryStore::new(hand())), ())
}

fn sessions() -> Sessions {
    let hand = hand();
    let store = Arc::new(MemoryStore::new(hand.clone()));
    let (create, delete) = (store.clone(), store.clone());
    Sessions {
        resolver: store.clone(),
        revocations: store,
        create: Box::new(move |user, expires_at| create.create_session(user, expires_at)),
        delete: Box::new(move |cookie| delete.delete_session(cookie)),
        set_time: Box::new(move |unix| hand.0.store(unix, Ordering::Relaxed)),
        lives: Box::new(()),
    }
}

tidings_testkit::message_store_contract!(memory);
tidings_testkit::groups_contract!(memory);
tidings_testkit::service_keys_contract!(keys);
tidings_testkit::revocations_contract!(revocations);
tidings_testkit::rollouts_contract!(rollouts);
tidings_testkit::sessions_contract!(sessions);
