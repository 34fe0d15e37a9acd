//! What becomes of a user's data when they go for good.

use serde::Serialize;
use tidings_wire::{Reject, UserId};
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

/// Groups of a page.
const GROUPS: u32 = 100;

/// Signs the user out first, so that nothing is written meanwhile by whoever was let in before; then ends the memberships, through
/// the engine, which tells everybody; then lets packs erase what they keep; then erases.
pub(crate) async fn erase(tidings: &Tidings, user: UserId) -> Result<Erasure, Reject> {
    let engine = tidings.engine();
    let closed = tidings.sign_out(user).await?;
    let mut left = 0;
    if engine.groups().own() {
        let mut last = None;
        loop {
            let groups = engine.store().groups_of(user, last, GROUPS).await.map_err(refusal)?;
            for &group in &groups {
                engine.set_member(group, user, false).await?;
                left += 1;
            }
            last = groups.last().copied();
            if groups.len() < GROUPS as usize {
                break;
            }
        }
    }
    for keeper in &tidings.inner().keepers {
        keeper.erase(tidings, user).await?;
    }
    let mut messages = 0;
    loop {
        let erased = engine.store().erase(user).await.map_err(refusal)?;
        messages += erased.messages;
        if !erased.more {
            engine.forget_last_seen(user);
            return Ok(Erasure { closed, groups: left, messages });
        }
    }
}
