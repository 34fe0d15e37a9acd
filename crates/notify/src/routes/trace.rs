//! `GET /v1/trace`: why somebody got something, or not, or not yet.

use serde::Deserialize;
use tidings_server::{
    Params, Problem, Segments,
    auth::Caller,
    axum::{Extension, Json},
    ports::Scope,
    schema::{Id, Refused, RefusedOff, RefusedUnknown},
    utoipa::{self, IntoParams},
};
use tidings_wire::{Code, MessageId, UserId};

use super::all::Parts;
use crate::trace::{self, Trace, UserTrace, Which};

/// Steps of a page.
const STEPS: u32 = 100;

/// Which of one's steps.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskedOfOne {
    /// Steps after this one.
    #[param(value_type = Option<String>)]
    after: Option<MessageId>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
}

/// Which of a user's steps.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskedOfUser {
    /// Whose.
    #[param(value_type = Id)]
    user: UserId,
    /// Steps before this one, the latest first; the latest of all if absent.
    #[param(value_type = Option<String>)]
    before: Option<MessageId>,
    /// In place of `before`: steps after this one, the earliest first.
    #[param(value_type = Option<String>)]
    after: Option<MessageId>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
}

/// Says what became of a notice (by the id that `POST /v1/notifications` answers) or where a notification stands (by its id): each
/// decision in its order. Steps are kept for some days; of messages that caused no notification nothing is known here.
#[utoipa::path(
    get,
    path = "/trace/{id}",
    tag = "backend",
    params(("id" = String, Path), AskedOfOne),
    security(("service" = ["read"])),
    responses((status = 200, body = Trace), Refused, RefusedUnknown, RefusedOff)
)]
pub(crate) async fn of_one(
    Extension(shared): Parts,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(asked): Params<AskedOfOne>,
) -> Result<Json<Trace>, Problem> {
    may(&caller)?;
    let id: MessageId = id.parse().map_err(|error| Problem::field("id", format!("{error}")))?;
    let found = trace::of_one(&shared, id, asked.after, limit(asked.limit)?).await?;
    found.map(Json).ok_or_else(|| {
        let how = "nothing is known of this id: it is no notification's, what it caused was taken back or is older than the trace, or \
                   it is of a message that caused no notification";
        Problem::new(Code::NotFound, how)
    })
}

/// Lists what was decided about a user and not simply stored: what was filtered, deferred, or laid among the requests, and why. What
/// was stored stands in the inbox.
#[utoipa::path(
    get,
    path = "/trace",
    tag = "backend",
    params(AskedOfUser),
    security(("service" = ["read"])),
    responses((status = 200, body = UserTrace), Refused, RefusedOff)
)]
pub(crate) async fn of_user(
    Extension(shared): Parts,
    caller: Caller,
    Params(asked): Params<AskedOfUser>,
) -> Result<Json<UserTrace>, Problem> {
    may(&caller)?;
    let which = match (asked.before, asked.after) {
        (Some(_), Some(_)) => return Err(Problem::field("after", "either `before` or `after`")),
        (before, None) => Which::Before(before),
        (None, Some(after)) => Which::After(after),
    };
    Ok(Json(trace::of_user(&shared, asked.user, which, limit(asked.limit)?).await?))
}

/// Whoever may read everybody's, or operates the server.
fn may(caller: &Caller) -> Result<(), Problem> {
    caller.require(Scope::Read).or_else(|refused| caller.require(Scope::Admin).map_err(|_| refused))
}

fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked.unwrap_or(50) {
        limit @ 1..=STEPS => Ok(limit as usize),
        _ => Err(Problem::field("limit", format!("1 to {STEPS}"))),
    }
}
