//! What comments and shares have in common: something is said about a post, once under a key.

use std::sync::Arc;

use tidings_server::{Problem, Tidings, auth::Caller, parse_id, ports::Scope};
use tidings_wire::{Key, MessageId, PostId};

use super::asked::{By, gone, key_reused, named};
use crate::{Action, Acts, act::Act, shared::Shared};

/// What is to be said.
pub(super) struct Saying {
    /// A comment or a share.
    pub(super) action: Action,
    /// The words.
    pub(super) content: Option<String>,
    /// Finds what was said under a user's key: its id, post, words and second.
    pub(super) by_key: &'static str,
}

/// What was said, now or under the key before.
pub(super) struct Said {
    /// None where acts are stored elsewhere.
    pub(super) id: Option<MessageId>,
    /// Unix seconds.
    pub(super) timestamp: i64,
    /// Who said what about which post.
    pub(super) act: Act,
}

impl Saying {
    /// Says it, unless the key has said it before.
    ///
    /// # Errors
    /// As [`Act::check`]; `key_reused` where the key has said something else; `not_enabled` for a key where acts are not stored.
    pub(super) async fn once(
        self,
        tidings: &Tidings,
        shared: &Arc<Shared>,
        caller: &Caller,
        post: &str,
        by: By,
        key: Option<Key>,
    ) -> Result<Said, Problem> {
        let user = caller.acts_for(by.user, Scope::Send)?;
        let (post, key): (PostId, _) = (parse_id("post", post)?, named(caller, key));
        if key.is_some() {
            shared.need_acts()?;
        }
        let act = Act::check(shared, user, post, self.action, self.content).await?;
        let (id, timestamp) = (tidings.new_id(), tidings.now().unix());
        let quiet = act.commit(shared, tidings, id, key.as_ref()).await?;
        let id = (shared.acts == Acts::Store).then_some(id);
        let Some(key) = key.filter(|_| quiet) else { return Ok(Said { id, timestamp, act }) };
        let there = tidings.query(self.by_key, vec![user.into(), key.as_str().into()]).await?;
        let there = there.first().ok_or_else(gone)?;
        if there[1].id() != Some(post.0) || there[2].text() != act.content.as_deref() {
            return Err(key_reused());
        }
        let id = there[0].int().and_then(|id| MessageId::from_stored(id).ok());
        Ok(Said { id, timestamp: there[3].int().unwrap_or(timestamp), act })
    }
}
