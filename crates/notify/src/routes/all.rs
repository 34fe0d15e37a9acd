//! All routes together, and what several of them are asked.

use std::sync::Arc;

use serde::Deserialize;
use tidings_server::{
    Tidings,
    axum::{self, Extension},
    schema::Id,
    utoipa::{self, IntoParams},
    utoipa_axum::{router::OpenApiRouter, routes},
};
use tidings_wire::UserId;

use super::{dead_letters, inbox, notifications, preferences, push, quiet_hours, trace};
use crate::shared::Shared;

/// Every route below `/v1`.
pub(crate) fn all(shared: Arc<Shared>) -> OpenApiRouter<Tidings> {
    OpenApiRouter::new()
        .routes(routes!(inbox::page))
        .routes(routes!(inbox::mark))
        .routes(routes!(notifications::notify))
        .routes(routes!(preferences::show, preferences::change))
        .routes(routes!(quiet_hours::show, quiet_hours::change))
        .routes(routes!(trace::of_one))
        .routes(routes!(trace::of_user))
        .routes(routes!(push::key))
        .routes(routes!(push::subscribe, push::unsubscribe))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::replay))
        .layer(Extension(shared))
}

/// The pack's parts, as routes take them.
pub(super) type Parts = Extension<Arc<Shared>>;

/// For whom a service acts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct By {
    /// For whom, where a service calls.
    #[param(value_type = Option<Id>)]
    pub(super) user: Option<UserId>,
}
