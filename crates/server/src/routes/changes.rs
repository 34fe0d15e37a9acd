//! `/v1/conversations/{conversation}/messages/{seq}`: edits and deletions, for users and for backends.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings_engine::{Sent, ports::Scope};
use tidings_wire::{ConversationKey, Sender, Seq};
use utoipa::ToSchema;

use super::schema::{Refused, RefusedChange};
use crate::{
    auth::{Caller, Identity},
    body::JsonBody,
    extract::{Segments, conversation},
    handle::Tidings,
    problem::Problem,
};

/// Another body for a message.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewBody {
    /// The type's own fields, all of them. Whom they address stays.
    #[schema(value_type = Object)]
    body: Box<RawValue>,
}

/// The event that a message was edited or deleted, which has a place of its own in the stream.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedMessage {
    /// The event's id.
    id: String,
    /// Unix seconds.
    timestamp: i64,
    #[schema(value_type = String, example = "dm:2:7")]
    conversation: ConversationKey,
    /// The event's place.
    seq: Seq,
    /// The message's place.
    of: Seq,
}

/// Gives a message another body: a user one of their own, a service any. Its type decides about it as if it were sent anew.
#[utoipa::path(
    patch,
    path = "/conversations/{conversation}/messages/{seq}",
    tag = "both",
    params(("conversation" = String, Path, example = "dm:2:7"), ("seq" = u64, Path)),
    request_body = NewBody,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses(
        (status = 200, body = ChangedMessage, description = "Changed, and on disk"),
        Refused,
        RefusedChange
    )
)]
pub(crate) async fn edit(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments((of, seq)): Segments<(String, String)>,
    JsonBody(NewBody { body }): JsonBody<NewBody>,
) -> Result<Json<ChangedMessage>, Problem> {
    let (of, seq) = (conversation(&of)?, place(&seq)?);
    let sent = tidings.engine().edit(sender(&caller)?, of, seq, body).await?;
    Ok(Json(changed(sent, of, seq)))
}

/// Takes a message's body away: a user's of one of their own, a service's of any. Its place stays.
#[utoipa::path(
    delete,
    path = "/conversations/{conversation}/messages/{seq}",
    tag = "both",
    params(("conversation" = String, Path, example = "dm:2:7"), ("seq" = u64, Path)),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses(
        (status = 200, body = ChangedMessage, description = "Deleted, and on disk"),
        Refused,
        RefusedChange
    )
)]
pub(crate) async fn delete(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments((of, seq)): Segments<(String, String)>,
) -> Result<Json<ChangedMessage>, Problem> {
    let (of, seq) = (conversation(&of)?, place(&seq)?);
    let sent = tidings.engine().delete(sender(&caller)?, of, seq).await?;
    Ok(Json(changed(sent, of, seq)))
}

fn sender(caller: &Caller) -> Result<Sender, Problem> {
    match &caller.identity {
        Identity::User(user) => Ok(Sender::user_only(*user)),
        Identity::Service(key) => {
            caller.require(Scope::Send)?;
            Ok(Sender::service(key.name.as_str().into(), None))
        }
    }
}

fn place(text: &str) -> Result<Seq, Problem> {
    text.parse().map_err(|_| Problem::field("seq", "the message's place, a number"))
}

fn changed(sent: Sent, conversation: ConversationKey, of: Seq) -> ChangedMessage {
    let seq = sent.place.map_or(of, |(_, seq)| seq);
    ChangedMessage { id: sent.id.to_string(), timestamp: sent.timestamp, conversation, seq, of }
}
