//! Request bodies: bounded in bytes and in time, decoded with the path of what is wrong.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request},
};
use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Frame, SizeHint};
use serde::{Deserialize, de::DeserializeOwned};
use tidings_wire::Code;
use tokio::time::Sleep;

use crate::{handle::Tidings, problem::Problem};

/// A JSON body: at most `http.body_bytes`, read within `http.body_timeout`. As the last argument of a handler; what is wrong
/// with it is answered with a problem document that names the field.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Tidings> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, tidings: &Tidings) -> Result<Self, Problem> {
        decode(&read(request, tidings.inner().options.http.body_bytes).await?, "").map(Self)
    }
}

/// The same for services, whose lists are long: at most 512 KiB, or as much as users may post. Whoever takes it asks for the caller first.
#[derive(Clone, Copy, Debug)]
pub struct ServiceBody<T>(pub T);

/// Bytes of a service's body at most, whatever users may post: a list of 10,000 users fits, in either form of their ids.
pub(crate) const SERVICE_BODY_BYTES: usize = 512 * 1024;

impl<T: DeserializeOwned> FromRequest<Tidings> for ServiceBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, tidings: &Tidings) -> Result<Self, Problem> {
        let most = tidings.inner().options.http.body_bytes.max(SERVICE_BODY_BYTES);
        decode(&read(request, most).await?, "").map(Self)
    }
}

/// Reads the whole body of a request that says it is JSON.
pub(crate) async fn read(request: Request, most: usize) -> Result<Bytes, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = kind.split(';').next().unwrap_or_default().trim();
    // An HTML form can't send this type without a preflight, so a foreign page can't either.
    if !media_type.eq_ignore_ascii_case("application/json") {
        let problem = Problem::new(Code::BadJson, "the body must be `Content-Type: application/json`");
        return Err(problem.status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    match Limited::new(request.into_body(), most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Code::TooLarge, format!("the body has more than {most} bytes")))
        }
        Err(error) if caused_by_deadline(&*error) => {
            let problem = Problem::new(Code::Unavailable, "the body did not arrive in time: repeat the request");
            Err(problem.status(StatusCode::REQUEST_TIMEOUT))
        }
        Err(_) => Err(Problem::new(Code::BadJson, "the body broke off")),
    }
}

/// Decodes JSON; the path of a wrong field begins with `prefix`.
pub(crate) fn decode<'json, T: Deserialize<'json>>(json: &'json [u8], prefix: &str) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let decoded = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let sentence = cause.to_string();
        match cause.classify() {
            serde_json::error::Category::Data => wrong_field(prefix, &path, &sentence),
            _ => Problem::new(Code::BadJson, format!("the body is not JSON: {sentence}")),
        }
    })?;
    reader.end().map_err(|_| Problem::new(Code::BadJson, "the body is more than one JSON value"))?;
    Ok(decoded)
}

/// Names the field. A missing one stands in serde's sentence, not in its path.
fn wrong_field(prefix: &str, path: &str, sentence: &str) -> Problem {
    let sentence = sentence.rsplit_once(" at line ").map_or(sentence, |(sentence, _)| sentence);
    let missing = sentence.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    let parts = [Some(prefix), Some(path).filter(|path| *path != "."), missing];
    let field: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if field.is_empty() {
        return Problem::new(Code::BadJson, format!("the body does not fit: {sentence}"));
    }
    Problem::field(field.join("."), sentence.to_owned())
}

/// A body that must have come as a whole within a time, counted from the first look at it.
pub(crate) struct DeadlineBody {
    inner: Body,
    timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// The body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
struct DeadlineError;

impl DeadlineBody {
    pub(crate) fn new(inner: Body, timeout: Duration) -> Self {
        Self { inner, timeout, deadline: None }
    }
}

impl HttpBody for DeadlineBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let timeout = self.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Some(Err(axum::Error::new(DeadlineError))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn caused_by_deadline(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<DeadlineError>())
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only decoding is looked at")]
    struct Outer {
        inner: Inner,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only decoding is looked at")]
    struct Inner {
        number: u8,
    }

    async fn refusal(json: &str) -> (u16, String) {
        let response = decode::<Outer>(json.as_bytes(), "").err().unwrap().into_response();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_by_its_path() {
        for (json, status, says) in [
            (r#"{"inner":{"number":"x"}}"#, 422, r#""field":"inner.number""#),
            (r#"{"inner":{}}"#, 422, r#""field":"inner.number""#),
            ("{}", 422, r#""field":"inner""#),
            ("[1]", 422, r#""field":""#),
            ("{", 400, r#""code":"bad_json""#),
            (r#"{"inner":{"number":1}} x"#, 400, r#""code":"bad_json""#),
        ] {
            let (found, body) = refusal(json).await;
            assert!(found == status && body.contains(says), "{json}: {found} {body}");
        }
    }
}
