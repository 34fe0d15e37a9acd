//! `GET` and `PUT /v1/quiet-hours`.

use tidings_server::{
    Deed, JsonBody, Params, Problem, Tidings,
    act::Write,
    auth::Caller,
    axum::{Extension, Json, extract::State},
    ports::Scope,
    schema::{Refused, RefusedBody, RefusedOff},
    utoipa,
};

use super::all::{By, Parts};
use crate::{quiet::QuietHours, sql};

/// Shows when the user wants quiet.
#[utoipa::path(
    get,
    path = "/quiet-hours",
    tag = "notifications",
    params(By),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = QuietHours), Refused, RefusedOff)
)]
pub(crate) async fn show(
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
) -> Result<Json<QuietHours>, Problem> {
    let user = caller.acts_for(by.user, Scope::Read)?;
    let wanted = shared.wants.of(&shared, user).await?;
    Ok(Json(wanted.quiet_hours.clone().unwrap_or_default()))
}

/// Says when the user wants quiet. What is deferred already still waits until it was to.
#[utoipa::path(
    put,
    path = "/quiet-hours",
    tag = "notifications",
    params(By),
    request_body = QuietHours,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 200, body = QuietHours), Refused, RefusedBody, RefusedOff)
)]
pub(crate) async fn change(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
    JsonBody(hours): JsonBody<QuietHours>,
) -> Result<Json<QuietHours>, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    hours.read()?;
    let json = serde_json::to_string(&hours).expect("strings always serialise");
    let put = Write::new(sql::QUIET_PUT, [user.into(), json.as_str().into()]);
    let committed = tidings.commit(Deed::by(Some(user)).write(put)).await;
    shared.wants.forget(user);
    committed?;
    Ok(Json(hours))
}
