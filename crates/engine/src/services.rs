//! What every part of a node shares.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use hashbrown::HashMap;
use tidings_wire::{Code, ConversationKey, MessageId, Reject, UserId};
use tokio::sync::Semaphore;

use crate::{
    act::CommitNumber,
    blocking::Blocking,
    blocks::Blocks,
    clock::{Now, SharedClock},
    directory::Directory,
    limiter::Limiter,
    members::Members,
    notices::Notifications,
    ports::{Credentials, Groups, HistoryPage, MessageStore, Page, Reader, Standing, StoreError, Topics},
    presence::Presence,
    registry::Registry,
    settings::Settings,
    sight::Sight,
};

/// What every part of a node shares.
pub(crate) struct Services {
    pub(crate) registry: Registry,
    pub(crate) store: Arc<dyn MessageStore>,
    pub(crate) groups: Arc<dyn Groups>,
    pub(crate) members: Members,
    /// Who has blocked whom; none where nobody brought that relation.
    pub(crate) blocks: Option<Blocks>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) blocking: Blocking,
    pub(crate) ids: Ids,
    pub(crate) clock: SharedClock,
    pub(crate) settings: Settings,
    /// Names this history of the store.
    pub(crate) epoch: Arc<str>,
    /// Who may go on with another token.
    pub(crate) credentials: Arc<dyn Credentials>,
    /// Who is there for others' eyes, and what they chose.
    pub(crate) presence: Presence,
    /// Who sees whom.
    pub(crate) sight: Sight,
    /// Who may watch which topic.
    pub(crate) topics: Arc<dyn Topics>,
    /// What keeps notifications, if anything does.
    pub(crate) notifications: Notifications,
    /// One choice of a user is read, changed and written at a time, so that none is lost to another.
    pub(crate) choosing: Semaphore,
    /// How often a user may ask for something else than sending.
    pub(crate) control_limit: Option<Limiter>,
}

/// Users whose choices one question reads at a time.
const CHOICES_AT_ONCE: usize = 8;

impl Services {
    /// Counts something that a user asks beside sending messages.
    ///
    /// # Errors
    /// `limited` where there was too much of it.
    pub(crate) fn may_ask(&self, user: UserId, now: Now) -> Result<(), Reject> {
        let allowed = self.control_limit.as_ref().map_or(Ok(()), |limit| limit.check(user, now));
        allowed.map_err(|wait| Reject {
            retry_after: Some(wait),
            ..Reject::new(Code::Limited, "too many requests: wait and ask again")
        })
    }

    /// Reads what the standing of these users (at most 500) depends on and is not known: when they were last there, and what they
    /// chose.
    ///
    /// # Errors
    /// Where the store does not say what they chose; what was read by then is known.
    pub(crate) async fn learn_standings(&self, users: Vec<UserId>) -> Result<(), StoreError> {
        let learn = |user| async move { self.learn_choice(user).await };
        let undecided = stream::iter(self.presence.undecided(&users));
        undecided.map(learn).buffer_unordered(CHOICES_AT_ONCE).try_collect::<()>().await?;
        self.learn_seen(&users).await;
        Ok(())
    }

    /// Reads when these users (at most 500) were last there, in one question. A store that does not answer holds nobody up: they look as
    /// if they were never there until the next question.
    pub(crate) async fn learn_seen(&self, users: &[UserId]) {
        let unread = self.presence.unread(users);
        if unread.is_empty() {
            return;
        }
        let begun = self.presence.before_seen();
        let read = self.store.last_seen(unread.clone()).await.inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "when users were last seen can't be read");
        });
        let read: Option<HashMap<UserId, i64>> = read.ok().map(|read| read.into_iter().collect());
        for user in unread {
            self.presence.learn_seen(user, read.as_ref().map(|read| read.get(&user).copied()), begun);
        }
    }

    /// Reads what a user chose.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub(crate) async fn learn_choice(&self, user: UserId) -> Result<(), StoreError> {
        let begun = self.presence.before_reading();
        self.presence.learn(user, self.store.choices(user).await?, begun);
        Ok(())
    }
}

impl Services {
    /// As whom the store is asked for a user's view of a stream; none where the user may not see it. Where groups come from the
    /// app's own tables the store knows no members: whoever is one by those tables sees all of the group's stream.
    pub(crate) async fn reader_of(
        &self,
        conversation: ConversationKey,
        user: UserId,
    ) -> Result<Option<Reader>, StoreError> {
        match conversation {
            ConversationKey::Group(group) if !self.members.own() => {
                Ok(self.members.contains(group, user).await?.then_some(Reader::Service))
            }
            _ => Ok(Some(Reader::User(user))),
        }
    }

    /// A page as the user sees it.
    pub(crate) async fn history(
        &self,
        of: ConversationKey,
        user: UserId,
        page: Page,
    ) -> Result<Option<HistoryPage>, StoreError> {
        match self.reader_of(of, user).await? {
            Some(reader) => self.store.history(of, reader, page).await,
            None => Ok(None),
        }
    }

    /// Where streams stand for the user, in their order.
    pub(crate) async fn standings(
        &self,
        user: UserId,
        streams: Vec<ConversationKey>,
    ) -> Result<Vec<Option<Standing>>, StoreError> {
        let foreign = |stream: &ConversationKey| matches!(stream, ConversationKey::Group(_)) && !self.members.own();
        let own: Vec<_> = streams.iter().copied().filter(|stream| !foreign(stream)).collect();
        let found = if own.is_empty() { Vec::new() } else { self.store.standings(user, own).await? };
        let (mut found, mut standings) = (found.into_iter(), Vec::with_capacity(streams.len()));
        for stream in streams {
            if !foreign(&stream) {
                standings.push(found.next().flatten());
                continue;
            }
            let last = Page { before: None, after: None, limit: 1 };
            let page = self.history(stream, user, last).await?;
            // When it was touched is not told by a page: such streams are replayed last.
            let standing =
                |page: HistoryPage| Standing { oldest: page.oldest, head: page.head, touched: CommitNumber(0) };
            standings.push(page.map(standing));
        }
        Ok(standings)
    }
}

/// Makes message ids.
#[derive(Debug)]
pub(crate) struct Ids {
    node: u16,
    last: AtomicI64,
}

impl Ids {
    /// Ids of a node, all above `last`.
    pub(crate) fn new(node: u16, last: Option<MessageId>) -> Self {
        Self { node, last: AtomicI64::new(last.map_or(-1, MessageId::get)) }
    }

    /// An id above all earlier ones.
    pub(crate) fn next(&self, now: Now) -> MessageId {
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = MessageId::after(MessageId::from_stored(last).ok(), now.unix_ms, self.node);
            match self.last.compare_exchange_weak(last, next.get(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(newer) => last = newer,
            }
        }
    }
}
