//! `/v1/posts/{post}/shares`.

use serde::{Deserialize, Serialize};
use tidings_server::{
    IdempotencyKey, JsonBody, Params, Problem, Segments, Tidings,
    auth::Caller,
    axum::{Extension, Json, extract::State, http::StatusCode},
    schema::{Id, Refused, RefusedSend},
    utoipa::{self, ToSchema},
};
use tidings_wire::{MessageId, PostId, UserId};

use super::{
    asked::{By, Parts},
    saying::{Said, Saying},
};
use crate::{Action, sql};

/// What to say with it.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewShare {
    /// At most 2,000 characters.
    #[serde(default)]
    content: Option<String>,
}

/// A share.
#[derive(Serialize, ToSchema)]
#[schema(as = Share)]
pub(crate) struct ShownShare {
    /// Absent where the app keeps shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    id: Option<MessageId>,
    #[schema(value_type = Id)]
    post_id: PostId,
    /// Who shared it.
    #[schema(value_type = Id)]
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Unix seconds.
    timestamp: i64,
}

/// Shares a post: the owner and the owner's online followers are told by `post_update`. The body is an object, which may be empty.
#[utoipa::path(
    post,
    path = "/posts/{post}/shares",
    tag = "social",
    params(("post" = Id, Path), By, ("Idempotency-Key" = Option<String>, Header, description = "At most 64 bytes. A repeat with the same content is answered with the share that is there. Where acts are not stored it is refused with `not_enabled`")),
    request_body = NewShare,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 201, body = ShownShare, description = "On disk, or told where the app keeps shares"), Refused, RefusedSend)
)]
pub(crate) async fn create(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(post): Segments<String>,
    Params(by): Params<By>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(new): JsonBody<NewShare>,
) -> Result<(StatusCode, Json<ShownShare>), Problem> {
    let said = Saying { action: Action::Share, content: new.content, by_key: sql::SHARE_BY_KEY };
    let Said { id, timestamp, act } = said.once(&tidings, &shared, &caller, &post, by, key).await?;
    let (post_id, user_id) = (act.post, act.actor);
    Ok((StatusCode::CREATED, Json(ShownShare { id, post_id, user_id, content: act.content, timestamp })))
}
