//! What connections of `tidings.v1` ask of their user's inbox, and what is asked for them while they resume.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use tidings_wire::{
    Code, Reject, Seq, UserId, client_frames as asked,
    server_frames::{Frame, InboxHead},
};

use crate::{
    control::Asked,
    ports::{BoxFuture, Inbox, InboxChanges, InboxMarked, InboxPageAsked, StoreError},
    services::Services,
    websocket::encoder,
};

/// Where a user's inbox stands; none where nothing keeps one.
///
/// # Errors
/// Where it does not answer.
pub(crate) async fn head(services: &Services, user: UserId) -> Result<Option<InboxHead>, StoreError> {
    let Some(inbox) = &services.notifications.inbox else { return Ok(None) };
    match caught(inbox.head(user)).await {
        Ok(head) => Ok(Some(head)),
        Err(StoreError::NotEnabled) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What changed in a user's inbox.
///
/// # Errors
/// Where it does not answer, or nothing keeps one.
pub(crate) async fn after(
    services: Arc<Services>,
    user: UserId,
    after: Seq,
    limit: u32,
) -> Result<InboxChanges, StoreError> {
    let inbox = services.notifications.inbox.as_ref().ok_or(StoreError::NotEnabled)?;
    caught(inbox.after(user, after, limit)).await
}

/// A shard runs these readings itself: a panic of whoever keeps the inbox is to end none.
async fn caught<T>(reading: BoxFuture<Result<T, StoreError>>) -> Result<T, StoreError> {
    let panicked = |_| Err(StoreError::Unavailable("the inbox panicked".into()));
    AssertUnwindSafe(reading).catch_unwind().await.unwrap_or_else(panicked)
}

/// A page.
///
/// # Errors
/// `bad_field`, `not_enabled`, `unavailable`.
pub(crate) async fn page(services: Arc<Services>, user: UserId, frame: asked::Inbox) -> Result<Asked, Reject> {
    let inbox = kept(&services)?;
    let asked::Inbox { reference, before, limit, filter } = frame;
    let asked = InboxPageAsked::read(before, limit, filter.as_deref())?;
    let mut page = inbox.page(user, asked).await?;
    page.reference = reference;
    Ok(Asked::Frame(encoder::text(&page.to_json())))
}

/// Marks rows. The user's connections are told of it by the inbox itself.
///
/// # Errors
/// `bad_field`, `not_enabled`, `unavailable`.
pub(crate) async fn mark(services: Arc<Services>, user: UserId, frame: asked::InboxMark) -> Result<Asked, Reject> {
    let inbox = kept(&services)?;
    inbox.mark(user, InboxMarked::read(&frame.state, frame.up_to, frame.ids)?).await?;
    Ok(Asked::Done)
}

fn kept(services: &Services) -> Result<&Arc<dyn Inbox>, Reject> {
    let not_enabled = || Reject::new(Code::NotEnabled, "this server keeps no notifications");
    services.notifications.inbox.as_ref().ok_or_else(not_enabled)
}
