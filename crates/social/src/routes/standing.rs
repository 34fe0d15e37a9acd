//! Blocks and mutes.

use tidings_server::{
    Params, Problem, Segments, Tidings,
    act::{Value, Write},
    auth::Caller,
    axum::{Extension, extract::State, http::StatusCode},
    ports::Scope,
    schema::{Id, Refused, RefusedChange},
    utoipa,
};

use super::{
    asked::{By, Parts},
    follows::other,
};
use crate::{
    sql,
    standing::{change, or_quiet},
};

type Changed = Result<StatusCode, Problem>;

/// Blocks a user: neither hears what the other does, sees the other's posts or presence, or follows the other any more.
#[utoipa::path(
    put,
    path = "/users/{user}/block",
    tag = "social",
    params(("user" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedChange)
)]
pub(crate) async fn block(
    state: State<Tidings>,
    parts: Parts,
    caller: Caller,
    path: Segments<String>,
    by: Params<By>,
) -> Changed {
    set(state, parts, &caller, path, by, Standing { first: sql::BLOCK_INSERT, timed: true, blocks: true }).await
}

/// Blocks a user no more. What the block ended does not come back.
#[utoipa::path(
    delete,
    path = "/users/{user}/block",
    tag = "social",
    params(("user" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedChange)
)]
pub(crate) async fn unblock(
    state: State<Tidings>,
    parts: Parts,
    caller: Caller,
    path: Segments<String>,
    by: Params<By>,
) -> Changed {
    set(state, parts, &caller, path, by, Standing { first: sql::BLOCK_DELETE, timed: false, blocks: true }).await
}

/// Mutes a user: the caller hears nothing of what they do, and their posts are left out of the caller's feed.
#[utoipa::path(
    put,
    path = "/users/{user}/mute",
    tag = "social",
    params(("user" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedChange)
)]
pub(crate) async fn mute(
    state: State<Tidings>,
    parts: Parts,
    caller: Caller,
    path: Segments<String>,
    by: Params<By>,
) -> Changed {
    set(state, parts, &caller, path, by, Standing { first: sql::MUTE_INSERT, timed: true, blocks: false }).await
}

/// Mutes a user no more.
#[utoipa::path(
    delete,
    path = "/users/{user}/mute",
    tag = "social",
    params(("user" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedChange)
)]
pub(crate) async fn unmute(
    state: State<Tidings>,
    parts: Parts,
    caller: Caller,
    path: Segments<String>,
    by: Params<By>,
) -> Changed {
    set(state, parts, &caller, path, by, Standing { first: sql::MUTE_DELETE, timed: false, blocks: false }).await
}

/// What changes.
struct Standing {
    /// The statement that makes or ends it.
    first: &'static str,
    /// Whether the statement takes the time.
    timed: bool,
    /// Whether it is a block.
    blocks: bool,
}

async fn set(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: &Caller,
    Segments(user): Segments<String>,
    Params(by): Params<By>,
    standing: Standing,
) -> Changed {
    let user_id = caller.acts_for(by.user, Scope::Send)?;
    shared.need_graph()?;
    let other = other(user_id, &user)?;
    let mut values = vec![user_id.into(), other.into()];
    if standing.timed {
        values.push(Value::Int(tidings.now().unix()));
    }
    let mut writes = vec![or_quiet(Write::new(standing.first, values))];
    if standing.blocks && standing.timed {
        shared.blockers.add(user_id);
        writes.push(Write::new(sql::FOLLOWS_BETWEEN_DELETE, [user_id.into(), other.into()]));
    }
    // Who sees whom is asked again by the engine, which hears of a block's change with the commit.
    change(&tidings, user_id, other, writes, []).await?;
    Ok(StatusCode::NO_CONTENT)
}
