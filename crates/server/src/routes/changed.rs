//! `POST /v1/changed`: what the app's backend says has changed in its own tables.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use tidings_engine::ports::Scope;
use tidings_wire::{GroupId, UserId};
use utoipa::ToSchema;

use super::schema::{Id, Refused};
use crate::{auth::Caller, body::JsonBody, changed::Changed, handle::Tidings, problem::Problem};

/// What changed: something of a user, or who belongs to some groups, or both.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Told {
    /// Of whom.
    #[schema(value_type = Option<Id>)]
    user: Option<UserId>,
    /// What: at most 16 words.
    #[serde(default)]
    #[schema(max_items = 16)]
    what: Vec<Changed>,
    /// Who is at the other end of it, where it is between two: who follows, was blocked. Without it the change is to be told of both.
    #[schema(value_type = Option<Id>)]
    other: Option<UserId>,
    /// Groups whose members are others now: at most 100.
    #[serde(default)]
    #[schema(value_type = Vec<Id>, max_items = 100)]
    groups: Vec<GroupId>,
}

/// Forgets what is remembered of the app's own tables and endpoints, so that whoever needs it next asks them. Without this call a change
/// there is seen after `app.max_age` (groups: `app.groups.max_age`, sessions: `auth.session_memory`). It costs a question for each thing that is
/// needed again, and may be repeated at will.
#[utoipa::path(
    post,
    path = "/changed",
    tag = "backend",
    request_body = Told,
    security(("service" = ["send"])),
    responses((status = 204, description = "Forgotten"), Refused)
)]
pub(crate) async fn changed(
    State(tidings): State<Tidings>,
    caller: Caller,
    JsonBody(told): JsonBody<Told>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Send)?;
    let Told { user, what, other, groups } = told;
    if what.len() > WORDS || (what.is_empty() && groups.is_empty()) {
        return Err(Problem::field("what", "1 to 16 words, such as \"followers\""));
    }
    if groups.len() > GROUPS {
        return Err(Problem::field("groups", "at most 100 groups"));
    }
    match user {
        Some(user) => tidings.changed(user, other, &what).await,
        None if what.is_empty() => {}
        None => return Err(Problem::field("user", "of whom it changed")),
    }
    for group in groups {
        tidings.group_changed(group).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Words in one call. More are refused.
const WORDS: usize = 16;

/// Groups in one call. More are refused.
const GROUPS: usize = 100;
