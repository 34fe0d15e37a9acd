//! `/v1/posts/{post}/like`.

use tidings_server::{
    Params, Problem, Segments, Tidings,
    auth::Caller,
    axum::{Extension, extract::State, http::StatusCode},
    parse_id,
    ports::Scope,
    schema::{Id, Refused, RefusedChange},
    utoipa,
};

use super::asked::{By, Parts};
use crate::{
    Action,
    act::{self, Act},
};

/// Likes a post: the owner and the owner's online followers are told by `post_update`. A second time changes nothing and tells nobody.
#[utoipa::path(
    put,
    path = "/posts/{post}/like",
    tag = "social",
    params(("post" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "Liked, and on disk"), Refused, RefusedChange)
)]
pub(crate) async fn like(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(post): Segments<String>,
    Params(by): Params<By>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    let act = Act::check(&shared, user, parse_id("post", &post)?, Action::Like, None).await?;
    act.commit(&shared, &tidings, tidings.new_id(), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a like back. Where there is none nothing changes.
#[utoipa::path(
    delete,
    path = "/posts/{post}/like",
    tag = "social",
    params(("post" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "Not liked, and on disk"), Refused, RefusedChange)
)]
pub(crate) async fn unlike(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(post): Segments<String>,
    Params(by): Params<By>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    shared.need_acts()?;
    act::unlike(&shared, &tidings, user, parse_id("post", &post)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
