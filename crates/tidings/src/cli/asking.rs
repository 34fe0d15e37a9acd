//! Questions to a running server's HTTP API, as a backend asks them.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde_json::Value;
use tidings_wire::UserId;

use super::{
    arguments::Asking,
    failure::Failure,
    healthcheck::{Target, url},
    http::Answer,
};

/// Whom a command asks.
pub(super) struct Server {
    url: String,
    target: Target,
    key: Option<String>,
}

/// Where the key may stand in place of a flag: flags are seen by whoever lists processes.
const KEY: &str = "TIDINGS_KEY";

impl Server {
    pub(super) fn of(asking: &Asking, file: Option<PathBuf>) -> Result<Self, Failure> {
        let url = url(asking.url.as_ref(), file)?;
        let target = Target::read(&url).map_err(|error| Failure::Usage(format!("--url {url}: {error}")))?;
        let key = asking.key.clone().or_else(|| std::env::var(KEY).ok()).map(|key| key.trim().to_owned());
        Ok(Self { url, target, key: key.filter(|key| !key.is_empty()) })
    }

    /// A path for which nobody need be named but by the key; without one a server with `--dev` is asked as this user.
    pub(super) fn by(&self, path: &str, user: UserId) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        if self.key.is_some() { path.to_owned() } else { format!("{path}{joint}user={user}") }
    }

    /// What stands there; none where nothing is known of it.
    ///
    /// # Errors
    /// `Failed` where no answer comes, which may pass; `Usage` for a refusal, which won't.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Value>, Failure> {
        let answered = self.target.get(path, self.key.as_deref()).await;
        let Answer { status, body } = answered.with_context(|| format!("no answer from {}", self.url))?;
        let detail = || {
            let problem: Option<Value> = serde_json::from_str(&body).ok();
            problem.and_then(|problem| problem["detail"].as_str().map(str::to_owned)).unwrap_or_default()
        };
        match status {
            200 => Ok(Some(serde_json::from_str(&body).with_context(|| format!("{} answers no JSON", self.url))?)),
            404 => Ok(None),
            401 | 403 => Err(Failure::Usage(format!(
                "{} refuses: {}. Name a key by --key or {KEY}; `keys new --name why --scope read` makes one",
                self.url,
                detail()
            ))),
            400..=499 if status != 429 => Err(Failure::Usage(format!("{} answers {status}: {}", self.url, detail()))),
            status => Err(Failure::from(anyhow!("{} answers {status}: {}", self.url, detail()))),
        }
    }
}
