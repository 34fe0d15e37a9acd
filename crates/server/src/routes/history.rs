//! `GET /v1/conversations/{conversation}/messages`: pages of what was kept.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings_engine::{
    cut_page,
    ports::{Page, Reader, Scope},
};
use tidings_wire::{Reject, UserId};
use utoipa::{IntoParams, ToSchema};

use super::schema::{Id, Refused, RefusedRead};
use crate::{
    auth::{Caller, Identity},
    extract::{self, Params, Segments},
    handle::Tidings,
    problem::{Problem, unavailable},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesPage {
    /// Seqs below this one. Without `before` and `after`: the latest.
    before: Option<u64>,
    /// Seqs above this one.
    after: Option<u64>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// Through whose eyes, for a service; absent: all that is stored.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// A page of at most 96 KiB.
#[derive(Serialize, ToSchema)]
pub(crate) struct Messages {
    /// Ascending, as they were delivered; `{"type":"skip","from":43,"to":43}` in the place of one that can't be read any more.
    #[schema(value_type = Vec<Object>)]
    messages: Vec<Box<RawValue>>,
    /// The lowest seq that this reader can see.
    oldest: u64,
    /// The highest seq that this reader can see.
    head: u64,
    /// Whether there is more in the direction of the page.
    more: bool,
}

/// Reads a conversation. One that does not exist and one that the caller may not see look alike: 404.
#[utoipa::path(
    get,
    path = "/conversations/{conversation}/messages",
    tag = "users",
    params(("conversation" = String, Path, example = "dm:2:7"), MessagesPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses(
        (status = 200, body = Messages),
        Refused,
        RefusedRead
    )
)]
pub(crate) async fn messages(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(conversation): Segments<String>,
    Params(page): Params<MessagesPage>,
) -> Result<Json<Messages>, Problem> {
    let conversation = extract::conversation(&conversation)?;
    let limit = page.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Problem::field("limit", "1 to 100"));
    }
    let user = match (&caller.identity, page.user) {
        (Identity::Service(_), None) => caller.require(Scope::Read).map(|()| None)?,
        (_, user) => Some(caller.acts_for(user, Scope::Read)?),
    };
    let engine = tidings.engine();
    let asked = Page { before: page.before, after: page.after, limit };
    let reader = match user {
        Some(user) => engine.reader_of(conversation, user).await?,
        None => Some(Reader::Service),
    };
    let found = match reader {
        Some(reader) => engine.store().history(conversation, reader, asked).await.map_err(unavailable)?,
        None => None,
    };
    let found = found.ok_or_else(|| Reject::not_found("there is no such conversation, or you are not part of it"))?;
    let rendered = found.lines.iter().map(|line| engine.render(conversation, line, user)).collect();
    // Without `after` the page ends at its newest entry, so it is cut at its oldest.
    let (messages, cut) = cut_page(rendered, page.after.is_none());
    Ok(Json(Messages { messages, oldest: found.oldest, head: found.head, more: found.more || cut }))
}
