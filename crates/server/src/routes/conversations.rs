//! `GET /v1/conversations`: a user's conversations, latest touched first.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings_engine::{
    cut_page,
    ports::{Before, Scope},
};
use tidings_wire::UserId;
use utoipa::{IntoParams, ToSchema};

use super::schema::{Id, Refused, RefusedOff};
use crate::{
    auth::Caller,
    extract::Params,
    handle::Tidings,
    problem::{Problem, unavailable},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationsPage {
    /// Those after this conversation in the list, or touched before this Unix second.
    #[param(example = "dm:2:7")]
    before: Option<String>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// Whose, for a service.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// A page of at most 96 KiB.
#[derive(Serialize, ToSchema)]
pub(crate) struct Conversations {
    #[schema(value_type = Vec<Conversation>)]
    conversations: Vec<Box<RawValue>>,
    /// Whether there are more.
    more: bool,
}

/// A conversation in a user's list.
#[derive(Serialize, ToSchema)]
struct Conversation {
    #[schema(example = "dm:2:7")]
    conversation: String,
    /// The last seq that the user can see.
    head: u64,
    /// How far the user has read.
    read: u64,
    /// Messages above `read` that are not the user's own.
    unread: u64,
    /// When the last message came, Unix seconds.
    touched_at: i64,
    /// Until when the user has muted it, Unix seconds, which may be over.
    #[serde(skip_serializing_if = "Option::is_none")]
    muted_until: Option<i64>,
    /// The last message, its content cut at 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    last: Option<serde_json::Value>,
}

/// Lists the caller's conversations; for a service those of `?user=`.
#[utoipa::path(
    get,
    path = "/conversations",
    tag = "users",
    params(ConversationsPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses(
        (status = 200, body = Conversations),
        Refused,
        RefusedOff
    )
)]
pub(crate) async fn list(
    State(tidings): State<Tidings>,
    caller: Caller,
    Params(page): Params<ConversationsPage>,
) -> Result<Json<Conversations>, Problem> {
    let user = caller.acts_for(page.user, Scope::Read)?;
    let limit = page.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Problem::field("limit", "1 to 100"));
    }
    let before = page.before.as_deref().map(before).transpose()?;
    let engine = tidings.engine();
    let found = engine.store().conversations(user, before, limit).await.map_err(unavailable)?;
    let rendered = found.conversations.iter().map(|summary| engine.render_summary(user, summary)).collect();
    let (conversations, cut) = cut_page(rendered, false);
    Ok(Json(Conversations { conversations, more: found.more || cut }))
}

fn before(text: &str) -> Result<Before, Problem> {
    if let Ok(second) = text.parse() {
        return Ok(Before::Touched(second));
    }
    text.parse()
        .map(Before::Conversation)
        .map_err(|_| Problem::field("before", "a conversation like dm:2:7, or a Unix second"))
}
