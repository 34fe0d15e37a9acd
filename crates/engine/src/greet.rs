//! What a connection of `tidings.v1` is greeted with: where its user's conversations and inbox stand.

use std::sync::Arc;

use hashbrown::HashMap;
use serde_json::value::RawValue;
use tidings_wire::{ConversationKey, Seq, UserId, server_frames::InboxHead};

use crate::{
    hello::Hello,
    inbox,
    ports::{Standing, StoreError},
    render::{Style, cut_page, summary},
    services::Services,
};

/// Conversations in a `welcome`.
const CONVERSATIONS: u32 = 100;

/// What was read for a `welcome`, after the connection was registered: so whatever is not in it comes live.
pub(crate) struct Loaded {
    pub(crate) conversations: Vec<Box<RawValue>>,
    /// The heads of these conversations.
    pub(crate) heads: HashMap<ConversationKey, Seq>,
    /// Where the streams of the `hello` stand, in its order.
    pub(crate) standings: Vec<Option<Standing>>,
    /// Where the inbox stands; none where nothing keeps one.
    pub(crate) inbox: Option<InboxHead>,
}

/// Reads what the `welcome` says.
///
/// # Errors
/// Where the store or the inbox does not answer.
pub(crate) async fn load(services: Arc<Services>, user: UserId, hello: Hello) -> Result<Loaded, StoreError> {
    let streams: Vec<_> = hello.heads.iter().map(|(conversation, _)| *conversation).collect();
    let listed = match services.store.conversations(user, None, CONVERSATIONS).await {
        Ok(page) => page.conversations,
        // A deployment that keeps nothing has none.
        Err(StoreError::NotEnabled) => Vec::new(),
        Err(error) => return Err(error),
    };
    let standings = if streams.is_empty() { Vec::new() } else { services.standings(user, streams).await? };
    let inbox = inbox::head(&services, user).await?;
    services.learn_choice(user).await?;
    let style = Style { reader: Some(user), ..Style::default() };
    let rendered = listed.iter().map(|one| summary(&services.registry, one, style)).collect();
    let (conversations, _) = cut_page(rendered, false);
    let told = listed.iter().take(conversations.len());
    let heads = told.map(|one| (one.conversation, one.head)).collect();
    Ok(Loaded { conversations, heads, standings, inbox })
}
