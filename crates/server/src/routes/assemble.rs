//! All routes together, and the document that describes them.

use axum::{Router, middleware, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    changed, changes, connections, conversations, erasure, export, groups, history, marks, me, messages, operate,
    operations::Operations, presence, rollouts, schema, types,
};
use crate::{guard, handle::Tidings, problem::ProblemDocument, upgrade};

/// The routes below `/v1` and the operators' ones, with those of the packs, not yet bound to a server.
///
/// # Panics
/// Where a pack's path is taken.
pub(crate) fn assemble(
    packs: OpenApiRouter<Tidings>,
    session_cookie: &str,
) -> (Router<Tidings>, utoipa::openapi::OpenApi) {
    let api = OpenApiRouter::new()
        .routes(routes!(messages::send))
        .routes(routes!(presence::presence))
        .nest("/users", users())
        .routes(routes!(changed::changed))
        .routes(routes!(groups::join, groups::leave))
        .routes(routes!(groups::members))
        .routes(routes!(conversations::list))
        .routes(routes!(history::messages))
        .routes(routes!(changes::edit, changes::delete))
        .routes(routes!(marks::read))
        .routes(routes!(marks::mute))
        .routes(routes!(types::list))
        .routes(routes!(rollouts::get, rollouts::set, rollouts::take_back))
        .routes(routes!(me::me, me::choose))
        .routes(routes!(operate::openapi))
        .merge(packs);
    let (v1, mut openapi) = OpenApiRouter::with_openapi(Document::openapi())
        .nest("/v1", api)
        .routes(routes!(operate::healthz))
        .routes(routes!(operate::readyz))
        .routes(routes!(operate::metrics))
        .split_for_parts();
    Credentials(session_cookie).modify(&mut openapi);
    Operations.modify(&mut openapi);
    (v1, openapi)
}

/// What is asked about one user.
fn users() -> OpenApiRouter<Tidings> {
    OpenApiRouter::new()
        .routes(routes!(connections::list, connections::close))
        .routes(routes!(erasure::erase))
        .routes(routes!(export::export))
}

/// Binds the routes to a running server, with what happens around them.
pub(crate) fn finish(routes: Router<Tidings>, tidings: &Tidings) -> Router {
    let state = || tidings.clone();
    routes
        .method_not_allowed_fallback(guard::method_not_allowed)
        .layer(middleware::from_fn_with_state(state(), guard::web_pages))
        .route("/ws", get(upgrade::upgrade).fallback(guard::method_not_allowed))
        .fallback(guard::not_found)
        .layer(middleware::from_fn_with_state(state(), guard::around))
        .with_state(state())
}

/// What stands in the document beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tidings",
        description = "Messages, presence, groups and conversations over HTTP. Every refusal is a problem document \
                       (RFC 9457) with a stable `code`. The WebSocket is at `/ws`."
    ),
    components(schemas(ProblemDocument, schema::Id)),
    security(("token" = []), ("session" = []))
)]
struct Document;

/// The ways to say who one is.
struct Credentials<'a>(&'a str);

impl Modify for Credentials<'_> {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = |format: &str, description: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format);
            SecurityScheme::Http(scheme.description(Some(description)).build())
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", bearer("JWT", "A user's token."));
        components.add_security_scheme("service", bearer("tdk_…", "A backend's service key."));
        let cookie = ApiKeyValue::with_description(self.0, "A user's session. Changing requests need an `Origin`.");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}
