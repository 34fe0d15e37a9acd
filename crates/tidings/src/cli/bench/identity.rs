//! Who connects, and with what credential.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bench::{handshake, probe::Person};
use serde_json::{Map, Value};
use tidings_engine::clock::{Clock, SystemClock};
use tidings_server::auth::{NewToken, new_token};
use tidings_wire::UserId;

use super::{
    super::{config, failure::Failure, token_key::TokenKey},
    arguments::{Bench, LARGEST_ID},
    target::Target,
};
use crate::configuration::Configuration;

/// How the test users are known to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `?user=`.
    Dev,
    /// Tokens from this file.
    Given(PathBuf),
    /// Tokens signed here, with the secret that this is where it comes from.
    Signed(String),
}

/// A test user.
pub(super) struct User {
    pub(super) id: UserId,
    /// Without a token, `?user=`.
    pub(super) token: Option<String>,
}

/// The test users, all different.
pub(super) struct Users {
    pub(super) way: Way,
    pub(super) all: Vec<User>,
}

/// Without `--connections` and `--token-file`.
const USUAL: u32 = 100;

impl Users {
    /// Who was asked for. `lasts` is how long they are needed.
    pub(super) fn read(flags: &Bench, file: Option<PathBuf>, lasts: Duration) -> Result<Self, Failure> {
        if flags.who.dev {
            return Ok(Self { way: Way::Dev, all: numbered(flags, |_| Ok(None))? });
        }
        let configuration = config::read(&flags.who.sources(file))?.configuration;
        match &flags.who.token_file {
            Some(path) => given(path, flags.connections, &configuration.auth.user_claim),
            None => signed(flags, &configuration, lasts),
        }
    }

    /// As the load generator takes them.
    pub(super) fn people(&self, target: &Target) -> Vec<Person> {
        let person = |user: &User| {
            let id = serde_json::to_string(&user.id).expect("an id is an integer or a text");
            let path = format!("{}/ws", target.prefix);
            let request = match &user.token {
                None => handshake::request(&target.authority, &format!("{path}?user={}", user.id), ""),
                Some(token) => {
                    handshake::request(&target.authority, &path, &format!("Authorization: Bearer {token}\r\n"))
                }
            };
            Person { id, request }
        };
        self.all.iter().map(person).collect()
    }

    /// `9000000000 to 9000000099`, or the first and the last of those that tokens name.
    pub(super) fn span(&self) -> String {
        let [first, .., last] = &self.all[..] else { return "nobody".to_owned() };
        let dots = if matches!(self.way, Way::Given(_)) { " … " } else { " to " };
        format!("{}{dots}{}", first.id, last.id)
    }
}

/// Users with the numbers asked for.
fn numbered(flags: &Bench, token: impl Fn(UserId) -> Result<Option<String>, Failure>) -> Result<Vec<User>, Failure> {
    let count = u64::from(flags.connections.unwrap_or(USUAL));
    let first = flags.users_from;
    if first + count - 1 > LARGEST_ID {
        return Err(Failure::Usage(format!("--users-from {first}: {count} users from there exceed {LARGEST_ID}")));
    }
    let user = |number: u64| {
        let id = number.to_string().parse().expect("integers up to 2^53 - 1 are ids");
        Ok(User { id, token: token(id)? })
    };
    (first..first + count).map(user).collect()
}

fn signed(flags: &Bench, configuration: &Configuration, lasts: Duration) -> Result<Users, Failure> {
    let auth = &configuration.auth;
    let key = TokenKey::read_only(configuration).map_err(|failure| {
        Failure::Usage(format!(
            "{failure}: name the server's data folder with --data, or its secret with --secret-file"
        ))
    })?;
    let Some(secret) = &key.secret else {
        return Err(Failure::Usage(format!(
            "this server's tokens are signed elsewhere ({:?}): give those of test users with --token-file",
            auth.algorithm
        )));
    };
    let now = SystemClock::new().now();
    let sign = |user| {
        let wanted = NewToken {
            user,
            ttl: lasts + SLACK,
            issuer: auth.issuer.as_deref(),
            audience: auth.audience.as_deref(),
            user_claim: &auth.user_claim,
        };
        new_token(secret.as_bytes(), &wanted, now).map(Some).map_err(|error| Failure::Usage(format!("auth: {error}")))
    };
    let from = match (&auth.secret_file, &auth.secret) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(_)) => "auth.secret".to_owned(),
        (None, None) => configuration.server.data.display().to_string(),
    };
    Ok(Users { way: Way::Signed(from), all: numbered(flags, sign)? })
}

/// A token that is signed holds for so long beyond the run: for its setting up, and for clocks that differ.
const SLACK: Duration = Duration::from_secs(10 * 60);

fn given(path: &Path, connections: Option<u32>, user_claim: &str) -> Result<Users, Failure> {
    let shown = path.display();
    let wrong = |error: anyhow::Error| Failure::Usage(format!("--token-file {shown}: {error:#}"));
    let text = std::fs::read_to_string(path).context("read it").map_err(wrong)?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let mut all = Vec::new();
    let mut known = HashSet::new();
    for (at, token) in lines.take(connections.unwrap_or(USUAL) as usize) {
        let id = user_of(token, user_claim).with_context(|| format!("line {}", at + 1)).map_err(wrong)?;
        if !known.insert(id) {
            return Err(Failure::Usage(format!("--token-file {shown}: line {}: user {id} is there already", at + 1)));
        }
        all.push(User { id, token: Some(token.to_owned()) });
    }
    if let Some(wanted) = connections
        && all.len() < wanted as usize
    {
        let found = all.len();
        let how = format!("it has {found} tokens: give more, or --connections {found}");
        return Err(Failure::Usage(format!("--token-file {shown}: {how}")));
    }
    if all.len() < 2 {
        return Err(Failure::Usage(format!("--token-file {shown}: it takes tokens of two users at least, one a line")));
    }
    Ok(Users { way: Way::Given(path.to_path_buf()), all })
}

/// Whose token it says it is (RFC 7519 §7.2); whether that is true, the server finds out.
fn user_of(token: &str, user_claim: &str) -> anyhow::Result<UserId> {
    let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let claims =
        token.split('.').nth(1).filter(|_| plain).context("a token is three parts of base64url with dots between")?;
    let claims = URL_SAFE_NO_PAD.decode(claims).context("its second part is no base64url")?;
    let claims: Map<String, Value> = serde_json::from_slice(&claims).context("its second part is no JSON")?;
    let user = claims.get(user_claim).with_context(|| format!("its claims have no {user_claim:?}"))?;
    match user {
        Value::String(text) => text.parse().with_context(|| format!("{text:?} names no user")),
        other => other.to_string().parse().with_context(|| format!("{other} names no user")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_says_whose_it_is() {
        let user = |claims: &str, claim: &str| user_of(&token(claims), claim).map(|user| user.to_string());
        assert_eq!(user(r#"{"sub":"7"}"#, "sub").unwrap(), "7");
        assert_eq!(user(r#"{"uid":8}"#, "uid").unwrap(), "8");
        let uuid = "6f2a1c0e-5b1d-4c7e-9d3a-0123456789ab";
        assert_eq!(user(&format!(r#"{{"sub":"{uuid}"}}"#), "sub").unwrap(), uuid);
        assert!(user(r#"{"sub":"7"}"#, "uid").is_err());
        for text in ["", "a", "a.b.c", "e30.e30.c", "tdk_key", "a b.c d.e f", "x\r\ny"] {
            assert!(user_of(text, "sub").is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_file_of_tokens_names_each_user_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let read = |lines: &[String], connections| {
            std::fs::write(&path, lines.join("\n")).unwrap();
            given(&path, connections, "sub").map(|users| users.span()).map_err(|failure| failure.to_string())
        };
        let [one, two] = [1, 2].map(|user| token(&format!(r#"{{"sub":"{user}"}}"#)));
        assert_eq!(read(&[one.clone(), String::new(), two.clone()], None).unwrap(), "1 … 2");
        assert!(read(&[one.clone(), one.clone()], None).unwrap_err().contains("line 2: user 1 is there already"));
        assert!(read(&[one.clone(), two], Some(3)).unwrap_err().contains("it has 2 tokens"));
        assert!(read(&[one], None).unwrap_err().contains("two users at least"));
    }
}
