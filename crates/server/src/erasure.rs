//! What becomes of a user's data when they go for good.

use serde::Serialize;
use tidings_engine::{
    Engine,
    ports::{Before, StoreError},
};
use tidings_wire::{ConversationKey, GroupId, Reject, UserId};
use utoipa::ToSchema;

use crate::{handle::Tidings, problem::refusal};

/// What an erasure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Erasure {
    /// Connections that were closed.
    pub closed: usize,
    /// Groups that the user was or had been in: they are in none of them now. 0 where groups are the app's own.
    pub groups: usize,
    /// Messages and events that are gone.
    pub messages: u64,
}

/// Signs the user out first, so that nothing is written meanwhile by whoever was let in before; then ends the memberships, through
/// the engine, which tells everybody; then erases.
pub(crate) async fn erase(tidings: &Tidings, user: UserId) -> Result<Erasure, Reject> {
    let engine = tidings.engine();
    let closed = tidings.sign_out(user).await?;
    let mut left = 0;
    if engine.groups().own() {
        for group in groups_of(engine, user).await? {
            engine.set_member(group, user, false).await?;
            left += 1;
        }
    }
    let mut messages = 0;
    loop {
        let erased = engine.store().erase(user).await.map_err(refusal)?;
        messages += erased.messages;
        if !erased.more {
            return Ok(Erasure { closed, groups: left, messages });
        }
    }
}

/// All of them, before one is left: who leaves a group may not find it in the list any more. As many as the user has.
async fn groups_of(engine: &Engine, user: UserId) -> Result<Vec<GroupId>, Reject> {
    let mut groups = Vec::new();
    let mut before = None;
    loop {
        let page = match engine.store().conversations(user, before, 100).await {
            Ok(page) => page,
            // What is not kept is nowhere listed.
            Err(StoreError::NotEnabled) => return Ok(groups),
            Err(error) => return Err(refusal(error)),
        };
        let listed = page.conversations.iter().map(|listed| listed.conversation);
        groups
            .extend(listed.filter_map(|key| if let ConversationKey::Group(group) = key { Some(group) } else { None }));
        before = page.conversations.last().map(|last| Before::Conversation(last.conversation));
        if !page.more {
            return Ok(groups);
        }
    }
}
