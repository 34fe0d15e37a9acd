//! Who has blocked whom, where a pack brings that relation.
//!
//! To be blocked is never told: what is kept is withheld from the blocker by the store, what is not kept goes nowhere. Where nobody
//! brings the relation there is nothing here, and nobody looks.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use tidings_wire::{BLOCKED, ConversationKey, Related, UserId};

use crate::{
    directory::Directory,
    members::{Members, Named},
    ports::{BoxFuture, StoreError, Visibility},
};

/// Users whose blocks one question about presence reads at a time.
const AT_ONCE: usize = 8;

/// Whom users have blocked: sets of the cache that groups' members are in too.
#[derive(Clone)]
pub(crate) struct Blocks {
    members: Members,
    directory: Arc<Directory>,
}

impl Blocks {
    /// None where nobody brought the relation.
    pub(crate) fn new(members: &Members, directory: &Arc<Directory>) -> Option<Self> {
        members.relation(BLOCKED)?;
        Some(Self { members: members.clone(), directory: directory.clone() })
    }

    /// The set of those whom a user has blocked.
    pub(crate) fn by(user: UserId) -> Named {
        Named::Of(Related { relation: BLOCKED, to: user.0 })
    }

    /// Whether one of the two has blocked the other, as far as it is in memory and fresh.
    pub(crate) fn between(&self, one: UserId, other: UserId) -> Option<bool> {
        let has_blocked = |by, user| Some(self.members.reach(Self::by(by))?.contains(&self.directory, user));
        if one == other {
            return Some(false);
        }
        // Either tells that they are apart; only both tell that they are not.
        match (has_blocked(one, other), has_blocked(other, one)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (one, other) => one.and(other),
        }
    }

    /// The same of the two of a dm; nobody is kept apart in a group.
    pub(crate) fn within(&self, conversation: ConversationKey) -> Option<bool> {
        match conversation {
            ConversationKey::Dm(one, other) => self.between(one, other),
            ConversationKey::Group(_) => Some(false),
        }
    }

    /// Whether a user has blocked another.
    ///
    /// # Errors
    /// Where the relation can't be read.
    pub(crate) async fn has_blocked(&self, by: UserId, user: UserId) -> Result<bool, StoreError> {
        Ok(by != user && self.members.load(Self::by(by)).await?.contains(&self.directory, user))
    }

    /// Whether one of the two has blocked the other. Both sets are in memory then.
    ///
    /// # Errors
    /// As [`Blocks::has_blocked`].
    pub(crate) async fn read_between(&self, one: UserId, other: UserId) -> Result<bool, StoreError> {
        if one == other {
            return Ok(false);
        }
        let (by_one, by_other) = (self.members.load(Self::by(one)).await?, self.members.load(Self::by(other)).await?);
        Ok(by_one.contains(&self.directory, other) || by_other.contains(&self.directory, one))
    }

    /// The same of the two of a dm.
    ///
    /// # Errors
    /// As [`Blocks::has_blocked`].
    pub(crate) async fn read_within(&self, conversation: ConversationKey) -> Result<bool, StoreError> {
        match conversation {
            ConversationKey::Dm(one, other) => self.read_between(one, other).await,
            ConversationKey::Group(_) => Ok(false),
        }
    }
}

/// Another rule of who sees whose presence, without those of whom one has blocked the other.
pub(crate) struct Unblocked {
    pub(crate) inner: Arc<dyn Visibility>,
    pub(crate) blocks: Blocks,
}

impl Visibility for Unblocked {
    fn may_see(&self, asker: UserId, users: Vec<UserId>) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let (seen, blocks) = (self.inner.may_see(asker, users), self.blocks.clone());
        Box::pin(async move {
            let asked = stream::iter(seen.await?).map(|user| {
                let blocks = blocks.clone();
                async move { Ok((!blocks.read_between(asker, user).await?).then_some(user)) }
            });
            asked.buffer_unordered(AT_ONCE).try_filter_map(|user| async move { Ok(user) }).try_collect().await
        })
    }
}
