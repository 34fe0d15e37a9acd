//! What connections of `tidings.v1` ask of their user's inbox, and what is asked for them while they resume.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use tidings_wire::{
    Code, Reject, Seq, UserId, client_frames as asked,
    server_frames::{Frame, InboxHead, RowState},
};

use crate::{
    control::Asked,
    ports::{BoxFuture, Inbox, InboxChanges, InboxFilter, InboxMarked, InboxPageAsked, MarkedRows, StoreError},
    services::Services,
    websocket::encoder,
};

/// Rows of a page where the client says nothing of it.
const PAGE_ROWS: u32 = 50;

/// The most rows of a page, and the most that one mark names.
const MAX_ROWS: usize = 100;

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
    let limit = limit.unwrap_or(PAGE_ROWS);
    if !(1..=MAX_ROWS as u32).contains(&limit) {
        return Err(Reject::field("limit", "1 to 100"));
    }
    let filter = match filter.as_deref() {
        None => InboxFilter::All,
        Some("unread") => InboxFilter::Unread,
        Some("archived") => InboxFilter::Archived,
        Some("requests") => InboxFilter::Requests,
        Some(_) => return Err(Reject::field("filter", "\"unread\", \"archived\", \"requests\", or nothing")),
    };
    let mut page = inbox.page(user, InboxPageAsked { before, limit, filter }).await?;
    page.reference = reference;
    Ok(Asked::Frame(encoder::text(&page.to_json())))
}

/// Marks rows. The user's connections are told of it by the inbox itself.
///
/// # Errors
/// `bad_field`, `not_enabled`, `unavailable`.
pub(crate) async fn mark(services: Arc<Services>, user: UserId, frame: asked::InboxMark) -> Result<Asked, Reject> {
    let inbox = kept(&services)?;
    let state = match &*frame.state {
        "seen" => RowState::Seen,
        "read" => RowState::Read,
        "archived" => RowState::Archived,
        _ => return Err(Reject::field("state", "\"seen\", \"read\" or \"archived\"")),
    };
    let rows = match (frame.up_to, frame.ids) {
        (Some(seq), None) => MarkedRows::UpTo(seq),
        (None, Some(ids)) if ids.len() <= MAX_ROWS => MarkedRows::Ids(ids),
        (None, Some(_)) => return Err(Reject::field("ids", "at most 100 rows at once")),
        _ => return Err(Reject::field("up_to", "either \"up_to\" or \"ids\" says which rows")),
    };
    inbox.mark(user, InboxMarked { state, rows }).await?;
    Ok(Asked::Done)
}

fn kept(services: &Services) -> Result<&Arc<dyn Inbox>, Reject> {
    let not_enabled = || Reject::new(Code::NotEnabled, "this server keeps no notifications");
    services.notifications.inbox.as_ref().ok_or_else(not_enabled)
}
