//! From a request to its caller: token, else session, else, with `dev`, `?user=`.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tidings_engine::{
    clock::Now,
    ports::{KeyRecord, Revocations, Scope, ServiceKeys, SessionResolver, StoreError},
};
use tidings_wire::{Code, Reject, UserId};
use tokio_util::task::TaskTracker;

use super::{
    key::TokenAlgorithm,
    key_set::{KeySet, key_id},
    revocation::KnownRevocations,
    service_key::{self, KnownKeys},
    session::Sessions,
    token::{Claims, TokenError, TokenRules, check_token},
};
use crate::{options::ServerOptions, problem::Problem};

/// Who makes a request. As an argument of a handler it also enforces the rules for web pages (see the crate's `origin.rs`).
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
    /// By what they are known.
    pub credential: Credential,
    /// When the credential ends, Unix seconds.
    pub expires_at: Option<i64>,
    /// A sign-out of this Unix second or later refuses the credential: when a token was issued; when a session was found good,
    /// because its resolver minds earlier sign-outs itself.
    pub(crate) issued_at: Option<i64>,
}

/// A user, or a backend.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// A person.
    User(UserId),
    /// A backend with a service key.
    Service(Arc<KeyRecord>),
}

/// A caller that may open a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownUser {
    pub(crate) user: UserId,
    /// When its credential ends, Unix milliseconds.
    pub(crate) expires_at_ms: Option<i64>,
    /// See [`Caller`].
    pub(crate) issued_at: Option<i64>,
}

impl TryFrom<Caller> for KnownUser {
    type Error = Denied;

    fn try_from(caller: Caller) -> Result<Self, Denied> {
        let Identity::User(user) = caller.identity else { return Err(Denied::Service) };
        let expires_at_ms = caller.expires_at.map(|end| end.saturating_mul(1_000));
        Ok(Self { user, expires_at_ms, issued_at: caller.issued_at })
    }
}

/// By what a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// `Authorization: Bearer` with a token.
    Token,
    /// The session cookie.
    Session,
    /// `Authorization: Bearer` with a service key.
    Key,
    /// `?user=`, which only `dev` takes.
    Dev,
}

impl Credential {
    /// A word for it, bounded and so fit for a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Key => "key",
            Self::Dev => "dev",
        }
    }
}

impl Caller {
    /// The user, where it is one.
    pub fn user(&self) -> Option<UserId> {
        if let Identity::User(user) = self.identity { Some(user) } else { None }
    }

    /// Passes backends whose key has the scope, and nobody else but callers of a `dev` server.
    ///
    /// # Errors
    /// `not_allowed`, naming what is missing.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        match &self.identity {
            Identity::User(_) if self.credential == Credential::Dev => Ok(()),
            Identity::User(_) => {
                let word = scope.as_str();
                Err(Problem::new(Code::NotAllowed, format!("only a service key with the scope `{word}` may do this")))
            }
            Identity::Service(key) if key.scopes.allow(scope) => Ok(()),
            Identity::Service(key) => Err(Problem::new(
                Code::NotAllowed,
                format!("the service key `{}` lacks the scope `{}`: it has {}", key.name, scope.as_str(), key.scopes),
            )),
        }
    }

    /// Whose affairs are asked about: a user's own; for a backend whose key has the scope, those of the user it names.
    ///
    /// # Errors
    /// `not_allowed` without the scope, or where a user names another; `bad_field` where a backend names nobody.
    pub fn acts_for(&self, named: Option<UserId>, scope: Scope) -> Result<UserId, Problem> {
        match (&self.identity, named) {
            (&Identity::User(user), named) if named.is_none_or(|named| named == user) => Ok(user),
            (Identity::User(_), _) => Err(Problem::new(Code::NotAllowed, "users may ask for themselves only")),
            (Identity::Service(_), Some(named)) => self.require(scope).map(|()| named),
            (Identity::Service(_), None) => Err(Problem::field("user", "a service key names the user: ?user=7")),
        }
    }
}

/// Why nobody is known.
#[derive(Debug)]
pub(crate) enum Denied {
    /// No credential at all.
    Missing,
    /// A token was given, but none is configured to be accepted.
    TokensOff,
    /// More than one `Authorization`, of which a proxy in front may have looked at another one.
    SeveralAuthorizations,
    Token(TokenError),
    Session,
    Key,
    /// A service key where only users are let in.
    Service,
    /// `?user=` is no id.
    DevUser(tidings_wire::IdError),
    /// The store did not answer.
    Store(StoreError),
}

impl Denied {
    /// A bounded label.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "no_credential",
            Self::TokensOff => "tokens_off",
            Self::SeveralAuthorizations => "several_authorizations",
            Self::Token(_) => "token",
            Self::Session => "session",
            Self::Key => "key",
            Self::Service => "service",
            Self::DevUser(_) => "dev_user",
            Self::Store(_) => "unavailable",
        }
    }
}

/// The sentence for whoever was denied.
impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => {
                "no identity: send `Authorization: Bearer` with a token or service key, or the session cookie"
            }
            Self::TokensOff => "this server accepts no tokens: no key to check them is configured",
            Self::SeveralAuthorizations => "the request has several `Authorization` headers: send one",
            Self::Token(error) => return f.write_str(&error.for_strangers()),
            Self::Session => "the session is unknown or over: sign in again",
            Self::Key => "the service key is unknown or revoked",
            Self::Service => "a service key opens no WebSocket: those are for users",
            Self::DevUser(error) => return error.fmt(f),
            Self::Store(_) => "the credential can't be checked now",
        })
    }
}

impl Denied {
    /// Tells the log of a store that did not answer; all else is the stranger's own affair.
    pub(crate) fn log(&self) {
        if let Self::Store(error) = self {
            tracing::warn!(error = error as &dyn std::error::Error, "a credential could not be checked");
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        denied.log();
        // RFC 6750 §3: the challenge names an error only where a credential was given.
        let challenge = match denied {
            Denied::DevUser(_) => return Self::field("user", denied.to_string()),
            Denied::Store(_) => return Self::new(Code::Unavailable, denied.to_string()).retry_after(RETRY),
            Denied::Missing => "Bearer",
            Denied::SeveralAuthorizations => "Bearer error=\"invalid_request\"",
            _ => "Bearer error=\"invalid_token\"",
        };
        Self::new(Code::Unauthorized, denied.to_string())
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }
}

/// When to try again what could not be checked.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Finds out who is calling.
pub(crate) struct Authenticator {
    dev: bool,
    tokens: Option<TokenRules>,
    /// Tokens whose signature held, by SHA-256, with the version of the key set that they were checked with: at most 10,000, the least recently used go and are checked again. A
    /// signature of RS256 costs tens of microseconds, the look-up one. None for HS256: to check it again costs no more than to
    /// remember it, and takes no memory.
    verified: Option<Cache<[u8; 32], (u64, Claims)>>,
    sessions: Sessions,
    keys: KnownKeys,
    revocations: KnownRevocations,
    tasks: TaskTracker,
}

impl Authenticator {
    pub(crate) fn new(
        options: &ServerOptions,
        sessions: Arc<dyn SessionResolver>,
        keys: Arc<dyn ServiceKeys>,
        revocations: Arc<dyn Revocations>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            dev: options.dev,
            tokens: options.tokens.clone(),
            verified: options
                .tokens
                .as_ref()
                .filter(|rules| rules.algorithm != TokenAlgorithm::Hs256)
                .map(|_| Cache::new(10_000)),
            sessions: Sessions::new(sessions, options.session_cookie.clone(), options.session_memory),
            keys: KnownKeys::new(keys),
            revocations: KnownRevocations::new(revocations),
            tasks,
        }
    }

    /// The caller, by the first credential that is there; a bad one is not made up for by the next. `user` is the query's
    /// `user`, which counts in `dev` alone.
    pub(crate) async fn identify(&self, headers: &HeaderMap, user: Option<&str>, now: Now) -> Result<Caller, Denied> {
        if headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
            return Err(Denied::SeveralAuthorizations);
        }
        if let Some(bearer) = bearer(headers) {
            return if service_key::is_key(bearer) {
                self.key(bearer, now).await
            } else {
                self.token(bearer, now).await
            };
        }
        if let Some(cookie) = self.sessions.cookie(headers) {
            return self.session(cookie, now).await;
        }
        match user.filter(|_| self.dev) {
            Some(user) => {
                let user = user.parse().map_err(Denied::DevUser)?;
                Ok(Caller {
                    identity: Identity::User(user),
                    credential: Credential::Dev,
                    expires_at: None,
                    issued_at: None,
                })
            }
            None => Err(Denied::Missing),
        }
    }

    /// A user by a token that stood in a frame.
    pub(crate) async fn user(&self, token: &str, now: Now) -> Result<KnownUser, Denied> {
        if service_key::is_key(token) {
            return Err(Denied::Service);
        }
        self.token(token, now).await?.try_into()
    }

    /// Whether the caller was signed out everywhere since its credential was issued.
    pub(crate) async fn is_revoked(&self, user: UserId, issued_at: i64, now: Now) -> Result<bool, StoreError> {
        self.revocations.refuses(user, issued_at, now).await
    }

    /// Refuses what was issued to the user until now.
    pub(crate) async fn revoke(&self, user: UserId, now: Now) -> Result<(), Reject> {
        self.revocations.revoke(user, now.unix()).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a sign-out was not stored");
            Reject::new(Code::Unavailable, "the sign-out could not be stored: repeat it")
        })
    }

    pub(crate) fn forget_keys(&self) {
        self.keys.forget();
    }

    /// Looks the user's sessions up again before they are taken.
    pub(crate) fn forget_sessions(&self, user: UserId) {
        self.sessions.forget(user);
    }

    /// The key set that tokens are checked with, if there is one.
    pub(crate) fn key_set(&self) -> Option<&KeySet> {
        self.tokens.as_ref()?.key_set()
    }

    async fn key(&self, bearer: &str, now: Now) -> Result<Caller, Denied> {
        let key = self.keys.find(bearer).await.map_err(Denied::Store)?.ok_or(Denied::Key)?;
        if let Some(noting) = self.keys.note(&key, now.unix()) {
            self.tasks.spawn(noting);
        }
        Ok(Caller { identity: Identity::Service(key), credential: Credential::Key, expires_at: None, issued_at: None })
    }

    async fn token(&self, bearer: &str, now: Now) -> Result<Caller, Denied> {
        let rules = self.tokens.as_ref().ok_or(Denied::TokensOff)?;
        let claims = self.claims(rules, bearer, now).await?;
        if self.is_revoked(claims.user, claims.issued_at, now).await.map_err(Denied::Store)? {
            return Err(Denied::Token(TokenError::Revoked));
        }
        Ok(Caller {
            identity: Identity::User(claims.user),
            credential: Credential::Token,
            // A connection lasts as long as a new one would be let in.
            expires_at: Some(claims.expires_at.saturating_add(rules.leeway_seconds())),
            issued_at: Some(claims.issued_at),
        })
    }

    /// What a good token says: remembered, or checked.
    async fn claims(&self, rules: &TokenRules, bearer: &str, now: Now) -> Result<Claims, Denied> {
        let Some(verified) = &self.verified else { return check_token(rules, bearer, now).map_err(Denied::Token) };
        let hash = Sha256::digest(bearer).into();
        // A key that was taken back takes its tokens with it.
        let version = rules.key_set().map_or(0, KeySet::version);
        if let Some((of, claims)) = verified.get(&hash)
            && of == version
        {
            return claims.check_times(rules, now).map(|()| claims).map_err(Denied::Token);
        }
        if let Some(set) = rules.key_set() {
            set.look_for(key_id(bearer).as_deref(), now).await.map_err(Denied::Store)?;
        }
        let version = rules.key_set().map_or(0, KeySet::version);
        let claims = check_token(rules, bearer, now).map_err(Denied::Token)?;
        verified.insert(hash, (version, claims));
        Ok(claims)
    }

    async fn session(&self, cookie: &str, now: Now) -> Result<Caller, Denied> {
        let mut found = self.sessions.known(cookie, now.unix());
        if let Some(known) = &found
            && self.is_revoked(known.session.user, known.found_at, now).await.map_err(Denied::Store)?
        {
            // Signed out since; but the user may have signed in again with the same cookie.
            found = None;
        }
        let found = match found {
            Some(found) => found,
            None => {
                let found = self.sessions.resolve(cookie, now.unix()).await.map_err(Denied::Store)?;
                found.ok_or(Denied::Session)?
            }
        };
        let (identity, expires_at) = (Identity::User(found.session.user), found.session.expires_at);
        Ok(Caller { identity, credential: Credential::Session, expires_at, issued_at: Some(found.found_at) })
    }
}

/// The bearer's text (RFC 6750 §2.1). Other schemes may belong to a proxy and are not looked at.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, text) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
}
