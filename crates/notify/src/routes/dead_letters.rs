//! `GET /v1/dead-letters` and `POST /v1/dead-letters/{id}/replay`: what could not be sent.

use serde::{Deserialize, Serialize};
use tidings_server::{
    Params, Problem, Segments,
    auth::Caller,
    axum::{Extension, Json, http::StatusCode},
    ports::Scope,
    schema::{Id, Refused, RefusedOff, RefusedUnknown},
    utoipa::{self, IntoParams, ToSchema},
};
use tidings_wire::{MessageId, UserId};

use super::all::Parts;
use crate::channels::{self, Letter};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Those below this id.
    #[param(value_type = Option<String>)]
    before: Option<MessageId>,
    /// 1 to 100; 50 if absent.
    limit: Option<usize>,
}

/// A page, the latest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetters {
    dead_letters: Vec<DeadLetter>,
    /// Whether there are more, below the last one's `id`.
    more: bool,
}

/// A delivery that could not be sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetter {
    /// Its place in this list.
    #[schema(value_type = String)]
    id: MessageId,
    /// Its id as the other side was given it (`webhook-id`).
    delivery: String,
    #[schema(example = "webhook")]
    channel: String,
    #[schema(value_type = Id)]
    user: UserId,
    /// The notification's id in the user's inbox.
    notification: String,
    /// How often it was to be repeated before.
    tries: u64,
    /// What happened last.
    why: String,
    /// Unix seconds.
    created_at: i64,
    /// When it was given up, Unix seconds.
    died_at: i64,
}

impl From<Letter> for DeadLetter {
    fn from(letter: Letter) -> Self {
        let Letter { letter: id, delivery, channel, user, notification, tries, why, created_at, died_at } = letter;
        Self { id, delivery, channel, user, notification, tries, why, created_at, died_at }
    }
}

/// Lists what could not be sent: after the last try, or because the other side refused it for good. The latest 10,000 are kept.
#[utoipa::path(
    get,
    path = "/dead-letters",
    tag = "backend",
    params(Asked),
    security(("service" = ["admin"])),
    responses((status = 200, body = DeadLetters), Refused, RefusedOff)
)]
pub(crate) async fn list(
    Extension(shared): Parts,
    caller: Caller,
    Params(asked): Params<Asked>,
) -> Result<Json<DeadLetters>, Problem> {
    caller.require(Scope::Admin)?;
    let limit = match asked.limit.unwrap_or(50) {
        limit @ 1..=100 => limit,
        _ => return Err(Problem::field("limit", "1 to 100")),
    };
    let mut found = channels::letters(&shared, asked.before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(Json(DeadLetters { dead_letters: found.into_iter().map(DeadLetter::from).collect(), more }))
}

/// Sends one once more, with the same id and as many tries as a new one, if its notification is still unread. It leaves the list.
#[utoipa::path(
    post,
    path = "/dead-letters/{id}/replay",
    tag = "backend",
    params(("id" = String, Path)),
    security(("service" = ["admin"])),
    responses((status = 204, description = "On disk"), Refused, RefusedUnknown, RefusedOff)
)]
pub(crate) async fn replay(
    Extension(shared): Parts,
    caller: Caller,
    Segments(id): Segments<MessageId>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    channels::replay(&shared, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
