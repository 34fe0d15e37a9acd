//! Who follows whom.

use serde::{Deserialize, Serialize};
use tidings_server::{
    JsonBody, Params, Problem, Segments, Tidings,
    act::{Otherwise, Value, Write},
    auth::Caller,
    axum::{Extension, Json, extract::State, http::StatusCode},
    parse_id,
    ports::Scope,
    schema::{Id, Refused, RefusedChange, RefusedRead},
    utoipa::{self, IntoParams, ToSchema},
};
use tidings_wire::{Notice, Reject, UserId};

use super::asked::{By, Parts, limit};
use crate::{
    notices,
    shared::refusal,
    sql,
    standing::{change, or_quiet},
};

/// How a wish to follow stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Follow {
    /// `accepted` at once by a public account; else `pending`.
    #[schema(example = "accepted")]
    state: String,
}

/// Follows a user. A second time changes nothing; who was denied asks anew.
#[utoipa::path(
    put,
    path = "/users/{user}/follow",
    tag = "social",
    params(("user" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 200, body = Follow, description = "On disk"), Refused, RefusedChange)
)]
pub(crate) async fn follow(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(user): Segments<String>,
    Params(by): Params<By>,
) -> Result<Json<Follow>, Problem> {
    let follower = caller.acts_for(by.user, Scope::Send)?;
    shared.need_graph()?;
    let followee = other(follower, &user)?;
    let profile = shared.profile(followee).await?;
    let nobody = || Reject::not_found("there is no such user");
    if profile.is_none() && !shared.own_users {
        return Err(nobody().into());
    }
    let state = match profile.as_ref().is_some_and(crate::shared::is_private) {
        true => "pending",
        false => "accepted",
    };
    let blocks = Write::new(sql::BLOCKS_BETWEEN, [follower.into(), followee.into()]).returning();
    let values = [follower.into(), followee.into(), state.into(), Value::Int(tidings.now().unix())];
    let writes = [blocks.expect(0..=0, Otherwise::Refuse(nobody())), or_quiet(Write::new(sql::FOLLOW_INSERT, values))];
    let notice = match state {
        "pending" => notices::of_request(follower, followee),
        _ => notices::of_follower(follower, followee),
    };
    change(&tidings, follower, followee, writes, [notice]).await?;
    let rows = tidings.query(sql::FOLLOW_STATE, vec![follower.into(), followee.into()]).await?;
    let state = rows.first().and_then(|row| row[0].text()).unwrap_or(state).to_owned();
    Ok(Json(Follow { state }))
}

/// Follows a user no more, or takes the wish back.
#[utoipa::path(
    delete,
    path = "/users/{user}/follow",
    tag = "social",
    params(("user" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedChange)
)]
pub(crate) async fn unfollow(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(user): Segments<String>,
    Params(by): Params<By>,
) -> Result<StatusCode, Problem> {
    let follower = caller.acts_for(by.user, Scope::Send)?;
    shared.need_graph()?;
    let followee = other(follower, &user)?;
    let delete = or_quiet(Write::new(sql::FOLLOW_DELETE, [follower.into(), followee.into()]));
    let over =
        [notices::of_request(follower, followee), notices::of_follower(follower, followee)].map(Notice::taken_back);
    change(&tidings, follower, followee, [delete], over).await?;
    ends_watching(&tidings, follower, followee).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Whoever follows a private account no more may watch its posts no more.
async fn ends_watching(tidings: &Tidings, follower: UserId, followee: UserId) {
    tidings.sight_changed(follower, followee).await;
}

/// Another user than oneself.
pub(super) fn other(user: UserId, text: &str) -> Result<UserId, Problem> {
    match parse_id("user", text)? {
        oneself if oneself == user => Err(Problem::field("user", "another than oneself")),
        other => Ok(other),
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersPage {
    /// Users with ids above this one.
    #[param(value_type = Option<Id>)]
    after: Option<UserId>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// For whom, where a service asks.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// Users, ascending by their ids.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    #[schema(value_type = Vec<Id>)]
    users: Vec<UserId>,
    /// Whether there are more, after the last.
    more: bool,
}

/// Lists those who follow a user and were accepted, for whoever may see the user's posts.
#[utoipa::path(
    get,
    path = "/users/{user}/followers",
    tag = "social",
    params(("user" = Id, Path), UsersPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = Users), Refused, RefusedRead)
)]
pub(crate) async fn followers(
    parts: Parts,
    caller: Caller,
    path: Segments<String>,
    page: Params<UsersPage>,
) -> Result<Json<Users>, Problem> {
    list(parts, &caller, path, page, true).await
}

/// Lists those whom a user follows and who accepted it, for whoever may see the user's posts.
#[utoipa::path(
    get,
    path = "/users/{user}/following",
    tag = "social",
    params(("user" = Id, Path), UsersPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = Users), Refused, RefusedRead)
)]
pub(crate) async fn following(
    parts: Parts,
    caller: Caller,
    path: Segments<String>,
    page: Params<UsersPage>,
) -> Result<Json<Users>, Problem> {
    list(parts, &caller, path, page, false).await
}

async fn list(
    Extension(shared): Parts,
    caller: &Caller,
    Segments(user): Segments<String>,
    Params(asked): Params<UsersPage>,
    followers: bool,
) -> Result<Json<Users>, Problem> {
    let reader = caller.acts_for(asked.user, Scope::Read)?;
    let (of, limit) = (parse_id("user", &user)?, limit(asked.limit)?);
    if !shared.sees(reader, of).await? {
        return Err(Reject::not_found("there is no such user, or you may not see who they know").into());
    }
    let most = limit as u32 + 1;
    let found = match followers {
        true => shared.graph.followers(of, asked.after, most),
        false => shared.graph.following(of, asked.after, most),
    };
    let mut users = found.await.map_err(refusal)?;
    let more = users.len() > limit;
    users.truncate(limit);
    Ok(Json(Users { users, more }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskingPage {
    /// `pending` if absent, `accepted` or `denied`.
    #[serde(default)]
    #[param(inline)]
    state: FollowState,
    /// Followers with ids above this one.
    #[param(value_type = Option<Id>)]
    after: Option<UserId>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// Whose, where a service asks.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// How a wish to follow may stand.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FollowState)]
pub(crate) enum FollowState {
    #[default]
    Pending,
    Accepted,
    Denied,
}

impl FollowState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Denied => "denied",
        }
    }
}

/// Those who want to follow, or do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Askings {
    follows: Vec<Asking>,
    /// Whether there are more, after the last.
    more: bool,
}

/// Somebody who wants to follow, or does.
#[derive(Serialize, ToSchema)]
pub(crate) struct Asking {
    #[schema(value_type = Id)]
    follower: UserId,
    /// Since when, Unix seconds.
    timestamp: i64,
}

/// Lists who wants to follow the caller.
#[utoipa::path(
    get,
    path = "/follows",
    tag = "social",
    params(AskingPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = Askings), Refused, RefusedRead)
)]
pub(crate) async fn asking(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Params(asked): Params<AskingPage>,
) -> Result<Json<Askings>, Problem> {
    let followee = caller.acts_for(asked.user, Scope::Read)?;
    shared.need_graph()?;
    let limit = limit(asked.limit)?;
    let (state, most) = (Value::from(asked.state.as_str()), Value::Int(limit as i64 + 1));
    let rows = match asked.after {
        None => tidings.query(sql::ASKING_FIRST, vec![followee.into(), state, most]).await?,
        Some(after) => tidings.query(sql::ASKING_AFTER, vec![followee.into(), state, after.into(), most]).await?,
    };
    let more = rows.len() > limit;
    let one = |row: &Vec<Value>| Some(Asking { follower: UserId(row[0].id()?), timestamp: row[1].int()? });
    Ok(Json(Askings { follows: rows.iter().take(limit).filter_map(one).collect(), more }))
}

/// What becomes of a wish to follow.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Answer {
    /// False denies it, also where it was accepted before.
    accepted: bool,
}

/// Accepts or denies that somebody follows the caller.
#[utoipa::path(
    put,
    path = "/follows/{follower}",
    tag = "social",
    params(("follower" = Id, Path), By),
    request_body = Answer,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedChange)
)]
pub(crate) async fn answer(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(follower): Segments<String>,
    Params(by): Params<By>,
    JsonBody(answer): JsonBody<Answer>,
) -> Result<StatusCode, Problem> {
    let followee = caller.acts_for(by.user, Scope::Send)?;
    shared.need_graph()?;
    let follower: UserId = parse_id("follower", &follower)?;
    let nobody = || Reject::not_found("nobody of this id wants to follow you");
    let asked = tidings.query(sql::FOLLOW_STATE, vec![follower.into(), followee.into()]).await?;
    if asked.is_empty() {
        return Err(nobody().into());
    }
    let state = if answer.accepted { FollowState::Accepted } else { FollowState::Denied };
    let values = [follower.into(), followee.into(), state.as_str().into()];
    let answered = notices::of_request(follower, followee).taken_back();
    let write = or_quiet(Write::new(sql::FOLLOW_ANSWER, values));
    change(&tidings, follower, followee, [write], [answered]).await?;
    if !answer.accepted {
        ends_watching(&tidings, follower, followee).await;
    }
    Ok(StatusCode::NO_CONTENT)
}
