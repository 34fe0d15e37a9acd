//! What happens around every route: the rule for web pages with CORS, the bodies' deadline, the measuring.

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tidings_wire::Code;

use crate::{
    body::DeadlineBody,
    extract::{client, foreign_page, page_origin},
    handle::Tidings,
    metrics,
    origin::PageOrigin,
    problem::Problem,
};

/// Around `/v1`: refuses pages of foreign origins, answers preflights, and lets allowed pages read the answers, with
/// credentials (Fetch, "CORS protocol").
pub(crate) async fn web_pages(State(tidings): State<Tidings>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let page = page_origin(&parts, &client(&parts, &tidings), &tidings);
    let is_preflight =
        parts.method == Method::OPTIONS && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &page {
        PageOrigin::Foreign(origin) => foreign_page(origin).into_response(),
        PageOrigin::Own | PageOrigin::Allowed(_) if is_preflight => preflight(),
        _ => next.run(Request::from_parts(parts, body)).await,
    };
    // Caches must not hand one origin's answer to another.
    response.headers_mut().append(header::VARY, HeaderValue::from_name(header::ORIGIN));
    if let PageOrigin::Allowed(origin) = page {
        allow(response.headers_mut(), &origin);
    }
    response
}

/// Around everything: measures, and bounds the time that a body may take.
pub(crate) async fn around(State(tidings): State<Tidings>, request: Request, next: Next) -> Response {
    let clock = tidings.engine().clock();
    let started = clock.now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let timeout = tidings.inner().options.http.body_timeout;
    let response = next.run(request.map(|body| Body::new(DeadlineBody::new(body, timeout)))).await;
    let took = clock.now().mono.saturating_sub(started.mono);
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    metrics::answered(route, &method, response.status(), took);
    response
}

/// No route has this path.
pub(crate) async fn not_found(request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    Problem::new(Code::NotFound, format!("there is nothing at {path}: see /v1/openapi.json"))
}

/// The route does not know the method. axum adds `Allow`.
pub(crate) async fn method_not_allowed(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(20).collect();
    let problem = Problem::new(Code::NotAllowed, format!("{method} is not possible here: see the header `Allow`"));
    problem.status(StatusCode::METHOD_NOT_ALLOWED)
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"));
    let allowed = HeaderValue::from_static("authorization, content-type, idempotency-key");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn allow(headers: &mut HeaderMap, origin: &str) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_name(header::RETRY_AFTER));
}
