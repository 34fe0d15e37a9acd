//! What a backend does by HTTP with its service key.

use crate::http::{self, HttpError, Request};
use crate::message;
use crate::target::Target;

/// Requests under way while groups are made.
const JOINS_AT_ONCE: usize = 64;

/// Posts under way.
pub const POSTS_AT_ONCE: usize = 256;

/// Users among whom posts go round, from this number on: nobody of them connects.
const POSTS_FROM: u64 = 1_000_000;
const POSTS_AMONG: u64 = 1_000;

/// Posts private messages for as long as `more` says so, which is asked with the number of each before it is made. Returns
/// how many were answered.
///
/// # Errors
/// The first that is refused.
pub fn post(
    target: &Target,
    service_key: &str,
    content_bytes: usize,
    mut more: impl FnMut(u64) -> bool,
) -> Result<u64, HttpError> {
    let host = target.address.to_string();
    let mut number = 0;
    http::requests(target.address, POSTS_AT_ONCE, target.silence, || {
        if !more(number) {
            return None;
        }
        let from = POSTS_FROM + number % POSTS_AMONG;
        let mut content = Vec::new();
        message::content(&mut content, number, content_bytes);
        let content = String::from_utf8(content).expect("digits and filler are ASCII");
        let body = format!(r#"{{"type":"private","from":{from},"to":{},"content":"{content}"}}"#, from ^ 1);
        number += 1;
        let request =
            Request { method: "POST", path: "/v1/messages", bearer: Some(service_key), body: body.as_bytes() };
        Some(request.bytes(&host))
    })
}

/// Makes users members of groups, given as (group, user).
///
/// # Errors
/// The first that is refused.
pub fn join(
    target: &Target,
    service_key: &str,
    members: impl IntoIterator<Item = (u64, u64)>,
) -> Result<u64, HttpError> {
    let host = target.address.to_string();
    let mut members = members.into_iter();
    http::requests(target.address, JOINS_AT_ONCE, target.silence, || {
        let (group, user) = members.next()?;
        let path = format!("/v1/groups/{group}/members/{user}");
        Some(Request { method: "PUT", path: &path, bearer: Some(service_key), body: b"" }.bytes(&host))
    })
}
