//! What the dispatcher sees to beside what it is handed: commits that it was never told of, what is kept for a time only, read
//! marks of users whose choices are not known, when users were last seen.
//!
//! Each asks the store, which may take long or hang: so each is a future that is polled between two batches, one of a kind at a time,
//! and nothing else waits for it.

mod lookout;
mod pruner;

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use hashbrown::HashMap;
use tidings_wire::{ConversationKey, GroupId};

use crate::{
    act::{CommitNumber, ReadMark, Settled},
    clock::Now,
    members::Pinned,
    metrics,
    node::{Node, save::ACTS},
    ports::{StoreError, StoredMessage},
    services::Services,
};
use lookout::{Lookout, Question};
use pruner::Pruner;

/// How often it is looked for commits that nobody told of. Whatever stands on the disk in two looks is delivered: so within 5 s.
const LOOK: Duration = Duration::from_millis(2_500);

/// How often it is written when users were last seen: what comes in between is one commit.
const SAVE: Duration = Duration::from_secs(2);

/// The desk of one node: in the hand of its dispatcher alone.
pub(crate) struct Desk {
    lookout: Lookout,
    look_at: Duration,
    looking: Option<(Question, BoxFuture<'static, Result<Found, StoreError>>)>,
    pruner: Pruner,
    save_at: Duration,
    asking: Option<BoxFuture<'static, Vec<ReadMark>>>,
}

/// Rows after a commit number, with the members of their groups.
struct Found {
    rows: Vec<(CommitNumber, StoredMessage)>,
    groups: HashMap<GroupId, Pinned>,
}

impl Desk {
    /// The desk of a node whose store begins after this commit.
    pub(crate) fn new(node: &Node, last_commit: CommitNumber, now: Duration) -> Self {
        let services = node.services();
        Self {
            lookout: Lookout::new(last_commit),
            look_at: if services.settings.keep { now + LOOK } else { Duration::MAX },
            looking: None,
            pruner: Pruner::new(services, now),
            save_at: if services.settings.keep { now + SAVE } else { Duration::MAX },
            asking: None,
        }
    }

    /// Delivers what was committed.
    pub(crate) fn dispatch(&mut self, node: &Node, batch: Vec<Settled>) {
        batch.iter().for_each(|settled| self.lookout.heard(settled));
        node.dispatch(batch);
    }

    /// Nothing that was committed waits to be dispatched.
    pub(crate) fn idle(&mut self) {
        self.lookout.idle();
    }

    /// Goes on with all of it as far as it goes now. Returns when to call again, where `waker` was not called before.
    pub(crate) fn step(&mut self, node: &Node, waker: &Waker, now: Now) -> Duration {
        let context = &mut Context::from_waker(waker);
        self.look(node, context, now);
        self.ask(node, context, now);
        let prune_at = self.pruner.step(node.services(), context, now);
        if self.save_at <= now.mono {
            node.save_seen(ACTS);
            self.save_at = now.mono + SAVE;
        }
        let look_at = if self.looking.is_some() { Duration::MAX } else { self.look_at };
        look_at.min(prune_at).min(self.save_at)
    }

    fn look(&mut self, node: &Node, context: &mut Context<'_>, now: Now) {
        loop {
            if self.looking.is_none() {
                if self.look_at > now.mono {
                    return;
                }
                let question = self.lookout.question();
                let services = node.services().clone();
                self.looking = Some((question, async move { find(&services, question).await }.boxed()));
            }
            let Some((question, future)) = &mut self.looking else { return };
            let question = *question;
            let Poll::Ready(found) = future.poll_unpin(context) else { return };
            self.looking = None;
            match found {
                Ok(Found { rows, groups }) => {
                    let (late, done) = self.lookout.answer(question, rows);
                    if !late.is_empty() {
                        tracing::warn!(rows = late.len(), "commits that were never told of are delivered late");
                        metrics::delivered_late(late.len());
                        node.deliver_late(late, &groups);
                    }
                    if done {
                        self.look_at = now.mono + LOOK;
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the store did not say what was committed: it is asked again");
                    self.look_at = now.mono + LOOK;
                }
            }
        }
    }

    /// Reads whether users want others to learn how far they have read.
    fn ask(&mut self, node: &Node, context: &mut Context<'_>, now: Now) {
        loop {
            if self.asking.is_none() {
                let marks = node.take_undecided();
                if marks.is_empty() {
                    return;
                }
                let services = node.services().clone();
                self.asking = Some(async move { decided(&services, marks).await }.boxed());
            }
            let Some(future) = &mut self.asking else { return };
            let Poll::Ready(marks) = future.poll_unpin(context) else { return };
            self.asking = None;
            node.tell_receipts_of(marks, now.mono);
        }
    }
}

async fn find(services: &Services, question: Question) -> Result<Found, StoreError> {
    let rows = services.store.since(question.after, question.limit).await?;
    let mut groups = HashMap::new();
    for (_, row) in &rows {
        if let ConversationKey::Group(group) = row.conversation
            && !groups.contains_key(&group)
        {
            let members = match services.members.held(group) {
                Some(members) => members,
                None => services.members.load(group).await?,
            };
            groups.insert(group, members);
        }
    }
    Ok(Found { rows, groups })
}

/// The marks of those who let others see them, and are not apart from the other of a dm. Of whom that can't be read, nothing is told.
async fn decided(services: &Services, marks: Vec<ReadMark>) -> Vec<ReadMark> {
    let mut decided = Vec::new();
    for mark in marks {
        let begun = services.presence.before_reading();
        if let Ok(choices) = services.store.choices(mark.user).await {
            services.presence.learn(mark.user, choices, begun);
            if choices.receipts && !is_silenced(services, &mark).await {
                decided.push(mark);
            }
        }
    }
    decided
}

async fn is_silenced(services: &Services, mark: &ReadMark) -> bool {
    let Some(blocks) = &services.blocks else { return false };
    blocks.read_within(mark.conversation).await.unwrap_or(true)
}
