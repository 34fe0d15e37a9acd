//! A post that the cast can like: made by HTTP, as an app's page would.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::Value;

use super::run::by;

/// What Ann posts.
pub(super) const CONTENT: &str = "Our play opens tonight";

/// Bob follows Ann, and Ann posts something: the post's id. None where the server is configured without posts of its own.
///
/// # Errors
/// Any other answer than these two.
pub(super) async fn posted(server: SocketAddr) -> anyhow::Result<Option<Value>> {
    let body = serde_json::json!({"content": CONTENT}).to_string();
    for (method, path, user, body) in [("PUT", "/v1/users/1/follow", 2, ""), ("POST", "/v1/posts", 1, &*body)] {
        let answer = by(server, user, method, path, body).await?;
        let absent = answer.status == 404 || answer.body.contains("not_enabled");
        match answer.status {
            200 => {}
            201 => {
                let post: Value = serde_json::from_str(&answer.body).context("a post is JSON")?;
                return Ok(post.get("id").cloned());
            }
            _ if absent => return Ok(None),
            status => bail!("{method} {path} answered {status}: {}", answer.body),
        }
    }
    Ok(None)
}
