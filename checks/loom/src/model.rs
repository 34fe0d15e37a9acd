//! What the models share: how they are searched, and what stands for a poll.

use loom::sync::{Arc, Condvar, Mutex};

use crate::mailbox::Mailbox;

/// Threads are made to switch where they needn't at most so often in one run. Mistakes of this kind need one or two.
const PREEMPTIONS: usize = 3;

/// Searches a model of three threads.
pub(crate) fn bounded(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// A token as the kernel keeps it for a poll: set from anywhere, taken by the one that sleeps.
#[derive(Clone)]
pub(crate) struct Token(Arc<(Mutex<bool>, Condvar)>);

const POISONED: &str = "a panic ends the model";

impl Token {
    pub(crate) fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub(crate) fn set(&self) {
        *self.0.0.lock().expect(POISONED) = true;
        self.0.1.notify_one();
    }

    /// Sleeps until it is set. loom notices where that is never.
    pub(crate) fn take(&self) {
        let mut set = self.0.0.lock().expect(POISONED);
        while !*set {
            set = self.0.1.wait(set).expect(POISONED);
        }
        *set = false;
    }
}

/// A mailbox, and the token that its wake sets.
pub(crate) fn mailbox<T: 'static>(bound: usize) -> (Arc<Mailbox<T>>, Token) {
    let token = Token::new();
    let wake = token.clone();
    (Arc::new(Mailbox::new(bound, Box::new(move || wake.set()))), token)
}

/// Takes mail as a shard's driver does, until so many came; calls `tell` for the shards that wait for room.
pub(crate) fn drive<T>(mailbox: &Mailbox<T>, token: &Token, count: usize, tell: impl Fn(u64)) -> Vec<T> {
    let mut all = Vec::new();
    loop {
        mailbox.disarm();
        let mut taken = Vec::new();
        let waiting = mailbox.take(&mut taken);
        if waiting != 0 {
            tell(waiting);
        }
        all.append(&mut taken);
        if all.len() >= count {
            return all;
        }
        if mailbox.arm() {
            token.take();
        }
    }
}
