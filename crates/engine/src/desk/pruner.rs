//! What is kept for a time: messages of such types, and what calls under a key were answered. What is older is deleted, a little at a
//! time.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tidings_wire::Keep;

use crate::{clock::Now, metrics, ports::StoreError, services::Services};

/// How often it is looked for what is too old.
const PASS: Duration = Duration::from_secs(60);

/// How long the answer of a call that stored no message is remembered at least. Those of a day are as many as the limits of the types
/// let users send with keys, and as services send.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Rows that one step deletes at most: one commit of the store's writer.
const ROWS: u32 = 1_000;

/// Between two steps, so that others' commits are not kept waiting.
const PAUSE: Duration = Duration::from_millis(100);

/// What is kept for a time.
#[derive(Clone, Copy)]
enum Kept {
    /// Messages of a type.
    Type(&'static str, Duration),
    /// Requests.
    Requests,
}

/// Where a pass over all of it has come.
pub(super) struct Pruner {
    all: Vec<Kept>,
    /// The next of the pass.
    next: usize,
    at: Duration,
    pruning: Option<BoxFuture<'static, Result<u64, StoreError>>>,
}

impl Pruner {
    pub(super) fn new(services: &Services, now: Duration) -> Self {
        let time = |entry: &crate::registry::TypeEntry| match entry.keep() {
            Keep::For(time) => Some(Kept::Type(entry.name, time)),
            Keep::Never | Keep::Forever => None,
        };
        let all = match services.settings.keep {
            true => services.registry.entries().iter().filter_map(time).chain([Kept::Requests]).collect(),
            false => Vec::new(),
        };
        Self { all, next: 0, at: now, pruning: None }
    }

    /// Takes the next step where one is due; returns when the one after is.
    pub(super) fn step(&mut self, services: &Services, context: &mut Context<'_>, now: Now) -> Duration {
        loop {
            let Some(&kept) = self.all.get(self.next) else {
                if self.all.is_empty() {
                    return Duration::MAX;
                }
                (self.next, self.at) = (0, now.mono + PASS);
                continue;
            };
            if self.pruning.is_none() {
                if self.at > now.mono {
                    return self.at;
                }
                self.pruning = Some(kept.prune(services, now));
            }
            let Some(future) = &mut self.pruning else { return Duration::MAX };
            let Poll::Ready(pruned) = future.poll_unpin(context) else { return Duration::MAX };
            self.pruning = None;
            match pruned {
                Ok(count) => {
                    kept.pruned(count);
                    if count < u64::from(ROWS) {
                        self.next += 1;
                    }
                    self.at = now.mono + PAUSE;
                }
                Err(error) => {
                    kept.not_pruned(&error);
                    (self.next, self.at) = (0, now.mono + PASS);
                }
            }
        }
    }
}

impl Kept {
    fn prune(self, services: &Services, now: Now) -> BoxFuture<'static, Result<u64, StoreError>> {
        let before = |keep: Duration| now.unix_ms.saturating_sub(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX));
        match self {
            Self::Type(kind, keep) => services.store.prune(kind, before(keep), ROWS),
            Self::Requests => services.store.forget_requests(before(REMEMBERED), ROWS),
        }
    }

    fn pruned(self, count: u64) {
        if let Self::Type(kind, _) = self {
            metrics::pruned(kind, count);
        }
    }

    fn not_pruned(self, error: &StoreError) {
        let error = error as &dyn std::error::Error;
        match self {
            Self::Type(kind, _) => {
                metrics::not_pruned(kind);
                tracing::warn!(kind, error, "what is kept too long could not be deleted: it is tried again");
            }
            Self::Requests => {
                tracing::warn!(error, "what calls were answered could not be forgotten: it is tried again")
            }
        }
    }
}
