//! `tidings token new|check`

use std::{io::Read, path::PathBuf, time::Duration};

use anyhow::Context;
use tidings_engine::{
    clock::{Clock, SystemClock},
    ports::Revocations,
};
use tidings_server::auth::{NewToken, check_token, new_token};
use tidings_wire::UserId;

use super::{
    arguments::Token,
    config,
    failure::Failure,
    folder, logs,
    output::{answer, explain},
    run::block_on,
    stores::{self, DATABASE},
    token_key::TokenKey,
};
use crate::configuration::{Auth, Configuration, TimeSpan};

/// Runs one of them.
pub(super) fn run(command: &Token, file: Option<PathBuf>) -> Result<(), Failure> {
    match command {
        Token::New { user, ttl, data } => new(&config::read(&data.sources(file))?.configuration, *user, *ttl),
        Token::Check { token, data } => check(&config::read(&data.sources(file))?.configuration, token),
    }
}

/// The token alone on standard output.
fn new(configuration: &Configuration, user: UserId, ttl: TimeSpan) -> Result<(), Failure> {
    let auth = &configuration.auth;
    if ttl.0 < LEAST_TTL {
        return Err(Failure::Usage(format!("--ttl {ttl}: a token holds for at least 1s")));
    }
    folder::ensure(&configuration.server.data)?;
    let key = TokenKey::read_or_make(configuration)?;
    let Some(secret) = &key.secret else {
        return Err(Failure::Usage(format!(
            "tokens are checked with a public key ({:?}), so whoever has the private key signs them: token new is for HS256",
            auth.algorithm
        )));
    };
    if let Some(path) = &key.made {
        explain(&format!("made the secret {}: a server on the same data folder takes its tokens", path.display()));
    }
    let wanted = NewToken {
        user,
        ttl: ttl.0,
        issuer: auth.issuer.as_deref(),
        audience: auth.audience.as_deref(),
        user_claim: &auth.user_claim,
    };
    let token = new_token(secret.as_bytes(), &wanted, SystemClock::new().now())
        .map_err(|error| Failure::Usage(format!("auth: {error}")))?;
    explain(&format!("a token of user {user} for {ttl}; send it as `Authorization: Bearer …`"));
    answer(&token)
}

/// Checks as the server would, sign-outs included.
fn check(configuration: &Configuration, token: &str) -> Result<(), Failure> {
    let token = match token {
        "-" => {
            let mut text = String::new();
            std::io::stdin().take(TOKEN_BYTES).read_to_string(&mut text).context("read standard input")?;
            text
        }
        token => token.to_owned(),
    };
    let key = TokenKey::read_only(configuration)?;
    let now = SystemClock::new().now();
    if let Some(set) = &key.set {
        // Where that fails, the log says why, and no key fits.
        logs::start(&configuration.log);
        block_on(set.fetch(now))?;
    }
    let claims = match check_token(&key.rules, token.trim(), now) {
        Ok(claims) => claims,
        Err(error) => return refused(&error.to_string()),
    };
    if let Some(until) = signed_out_until(configuration, claims.user)?
        && claims.issued_at <= until
    {
        return refused(&tidings_server::auth::TokenError::Revoked.to_string());
    }
    answer(&good(&configuration.auth, claims.user, claims.expires_at - now.unix()))
}

/// Tokens count in whole seconds (RFC 7519 §4.1.4: NumericDate).
const LEAST_TTL: Duration = Duration::from_secs(1);

/// More than any token that a server takes.
const TOKEN_BYTES: u64 = 64 * 1024;

fn refused(why: &str) -> Result<(), Failure> {
    answer(&format!("refused: {why}"))?;
    Err(Failure::No)
}

fn good(auth: &Auth, user: UserId, seconds: i64) -> String {
    let either = |value: &Option<String>| value.clone().unwrap_or_else(|| "any".to_owned());
    let time = TimeSpan::seconds(u64::try_from(seconds).unwrap_or(0));
    format!(
        "good: user {user}, for another {time} (signature {:?}, issuer {}, audience {})",
        auth.algorithm,
        either(&auth.issuer),
        auth.audience.as_deref().unwrap_or("none"),
    )
}

/// Up to which second the user's tokens are refused. Without a database nobody was signed out.
fn signed_out_until(configuration: &Configuration, user: UserId) -> Result<Option<i64>, Failure> {
    if !configuration.server.data.join(DATABASE).exists() {
        return Ok(None);
    }
    let until = block_on(stores::open_beside(configuration)?.revoked_until(user))?;
    Ok(until.context("ask the database who was signed out")?)
}
