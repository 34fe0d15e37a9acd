//! Problem documents (RFC 9457): how every refusal over HTTP looks.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use tidings_engine::ports::StoreError;
use tidings_wire::{Code, Reject};
use utoipa::ToSchema;

/// A refused request: `application/problem+json` with a stable `code` and a sentence that says what to change.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: Code,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The document as it is written (RFC 9457 §3).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// `urn:tidings:<code>`.
    #[serde(rename = "type")]
    #[schema(example = "urn:tidings:not_allowed")]
    kind: String,
    /// What the code says, in a sentence.
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 403)]
    status: u16,
    /// What to change.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// The stable code, the same as in `error` frames.
    #[schema(value_type = String, example = "not_allowed")]
    code: Code,
    /// The field, parameter or header that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    field: Option<Cow<'static, str>>,
    /// When to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem with the code's own status.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::from_u16(code.status()).expect("every code has an HTTP status");
        Self { status, code, detail: detail.into(), field: None, retry_after: None, headers: Vec::new() }
    }

    /// A field, parameter or header is missing or wrong.
    pub fn field(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..Self::new(Code::BadField, detail) }
    }

    /// With another status than the code's own.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With a header field.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// To be tried again after so long.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl From<Reject> for Problem {
    fn from(reject: Reject) -> Self {
        Self { field: reject.field, retry_after: reject.retry_after, ..Self::new(reject.code, reject.message) }
    }
}

/// The refusal where a store did not answer; the cause goes to the log.
pub(crate) fn refusal(error: StoreError) -> Reject {
    if matches!(error, StoreError::NotEnabled) {
        return Reject::new(Code::NotEnabled, "this deployment keeps nothing (--store none)");
    }
    tracing::warn!(error = &error as &dyn std::error::Error, "the store did not answer");
    let reject = Reject::new(Code::Unavailable, "the store does not answer now");
    Reject { retry_after: Some(Duration::from_secs(1)), ..reject }
}

/// The same as a problem document.
pub(crate) fn unavailable(error: StoreError) -> Problem {
    refusal(error).into()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: format!("urn:tidings:{}", self.code),
            title: self.code.meaning(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            field: self.field,
            retry_after_ms: self.retry_after.map(|wait| (wait.as_millis() as u64).max(1)),
        };
        let body = serde_json::to_vec(&document).expect("strings and numbers always serialise");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            // Whole seconds (RFC 9110 §10.2.3), rounded up: coming back too early would be refused again.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1_000) as u64));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}
