//! `/v1/posts/{post}/shares`.

use serde::{Deserialize, Serialize};
use tidings_server::{
    IdempotencyKey, JsonBody, Params, Problem, Segments, Tidings,
    auth::Caller,
    axum::{Extension, Json, extract::State, http::StatusCode},
    parse_id,
    ports::Scope,
    schema::{Id, Refused, RefusedSend},
    utoipa::{self, ToSchema},
};
use tidings_wire::{MessageId, PostId, UserId};

use super::asked::{By, Parts, gone, key_reused, named};
use crate::{Action, Acts, act::Act, sql};

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
    let user_id = caller.acts_for(by.user, Scope::Send)?;
    let (post_id, key) = (parse_id("post", &post)?, named(&caller, key));
    if key.is_some() {
        shared.need_acts()?;
    }
    let act = Act::check(&shared, user_id, post_id, Action::Share, new.content).await?;
    let (id, timestamp) = (tidings.new_id(), tidings.now().unix());
    let quiet = act.commit(&shared, &tidings, id, key.as_ref()).await?;
    let id = (shared.acts == Acts::Store).then_some(id);
    let mut shown = ShownShare { id, post_id, user_id, content: act.content, timestamp };
    if let Some(key) = key.filter(|_| quiet) {
        let there = tidings.query(sql::SHARE_BY_KEY, vec![user_id.into(), key.as_str().into()]).await?;
        let there = there.first().ok_or_else(gone)?;
        if there[1].id() != Some(post_id.0) || there[2].text() != shown.content.as_deref() {
            return Err(key_reused());
        }
        shown.id = there[0].int().and_then(|id| MessageId::from_stored(id).ok());
        shown.timestamp = there[3].int().unwrap_or(timestamp);
    }
    Ok((StatusCode::CREATED, Json(shown)))
}
