//! What is asked of a server and changed there over HTTP.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use anyhow::{Context, anyhow, bail};
use bench::http::{Answer, Client, Request};
use serde_json::Value;

use super::{advice::Advice, identity::User, target::Target};

/// A server, as its HTTP API shows it.
pub(super) struct Deployment {
    pub(super) client: Client,
    prefix: String,
    pub(super) key: Option<String>,
    advice: Advice,
}

/// What a server says of a message type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is not registered.
    Unknown,
    Never,
    /// Messages of it are stored.
    Stored,
}

/// What a server does with the types that are sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Types {
    pub(super) private: Kept,
    pub(super) group: Kept,
    pub(super) broadcast: Kept,
}

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(10);

impl Deployment {
    pub(super) fn new(target: &Target, address: SocketAddr, key: Option<String>, advice: Advice) -> Self {
        let client = Client::new(address, &target.authority, WITHIN);
        Self { client, prefix: target.prefix.clone(), key, advice }
    }

    /// What it does with the types, as a user sees it.
    pub(super) fn types(&mut self, user: &User) -> anyhow::Result<Types> {
        let answer = self.as_user(user, "/v1/types")?;
        let types: Value = serde_json::from_str(&answer.body).context("GET /v1/types is answered without JSON")?;
        // A server without a store of messages keeps none, whatever its types say, and has no conversations.
        let keeps = self.as_user(user, "/v1/conversations?limit=1")?.status != NOT_ENABLED;
        let kept = |name: &str| {
            let found = types["types"].as_array().into_iter().flatten().find(|kind| kind["name"] == name);
            found.map_or(Kept::Unknown, |kind| if keeps && kind["kept"] == true { Kept::Stored } else { Kept::Never })
        };
        Ok(Types { private: kept("private"), group: kept("group"), broadcast: kept("broadcast") })
    }

    /// Fails where the first of the users has conversations with others than test users: then they are somebody real.
    pub(super) fn check_strangers(&mut self, users: &[User], group: u64) -> anyhow::Result<()> {
        let user = &users[0];
        let answer = self.as_user(user, "/v1/conversations?limit=100")?;
        let page: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let known: HashSet<String> = users.iter().map(|user| user.id.to_string()).collect();
        let own = |conversation: &str| match conversation.split_once(':') {
            Some(("dm", pair)) => pair.split(':').all(|user| known.contains(user)),
            _ => conversation == format!("group:{group}"),
        };
        let mut names =
            page["conversations"].as_array().into_iter().flatten().filter_map(|one| one["conversation"].as_str());
        match names.find(|name| !own(name)) {
            Some(name) => bail!(
                "user {} has the conversation {name}, so these are no test users, or not all of them: choose others with \
                 --users-from",
                user.id
            ),
            None => Ok(()),
        }
    }

    /// Fails unless the key is known and has these scopes.
    pub(super) fn check_key(&mut self, scopes: &[&str]) -> anyhow::Result<()> {
        let answer = self.as_backend("GET", "/v1/me")?;
        let me: Value = serde_json::from_str(&answer.body).context("GET /v1/me is answered without JSON")?;
        let Some(has) = me["scopes"].as_array() else { bail!("--key is no service key: `tidings keys new` makes one") };
        match scopes.iter().find(|&&scope| !has.iter().any(|found| found == scope)) {
            Some(missing) => Err(anyhow!(
                "the service key lacks the scope {missing}: `tidings keys new --name bench --scope {}` makes one that has it",
                scopes.join(",")
            )),
            None => Ok(()),
        }
    }

    /// Fails unless nobody belongs to the group.
    pub(super) fn check_empty(&mut self, group: u64) -> anyhow::Result<()> {
        let path = format!("/v1/groups/{group}/members?limit=1");
        let answer = self.as_backend("GET", &path)?;
        let page: Value =
            serde_json::from_str(&answer.body).with_context(|| format!("GET {path} is answered without JSON"))?;
        if page["members"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        bail!("the group {group} has members already: name an unused one with --group")
    }

    /// Makes a user a member of the group, or ends that.
    pub(super) fn set_member(&mut self, group: u64, user: &User, member: bool) -> anyhow::Result<()> {
        let method = if member { "PUT" } else { "DELETE" };
        self.as_backend(method, &format!("/v1/groups/{group}/members/{}", user.id)).map(drop)
    }

    /// A path of its API, below whatever the URL named.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn as_user(&mut self, user: &User, path: &str) -> anyhow::Result<Answer> {
        let query = if path.contains('?') { '&' } else { '?' };
        let path = match user.token {
            Some(_) => format!("{}{path}", self.prefix),
            None => format!("{}{path}{query}user={}", self.prefix, user.id),
        };
        let request = Request { method: "GET", path: &path, bearer: user.token.as_deref(), body: b"" };
        let answer = self.client.ask(&request).with_context(|| format!("GET {path}"))?;
        match answer.status {
            200..300 | NOT_ENABLED => Ok(answer),
            status => Err(anyhow!(self.advice.user_refused(&user.id.to_string(), status, &answer.body))),
        }
    }

    fn as_backend(&mut self, method: &str, path: &str) -> anyhow::Result<Answer> {
        let path = format!("{}{path}", self.prefix);
        let request = Request { method, path: &path, bearer: self.key.as_deref(), body: b"" };
        let answer = self.client.ask(&request).with_context(|| format!("{method} {path}"))?;
        match answer.status {
            200..300 => Ok(answer),
            status => Err(anyhow!("{method} {path}: {}", self.advice.key_refused(status, &answer.body))),
        }
    }
}

/// The status of what a deployment has not.
const NOT_ENABLED: u16 = 501;
