//! Bearer tokens: JSON Web Tokens (RFC 7519), checked one rule after the other, so that each refusal can say which failed.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde_json::{Map, Value};
use tidings_engine::clock::Now;
use tidings_wire::UserId;

use super::{
    key::{TokenAlgorithm, TokenKeyError},
    key_set::{KeySet, key_id},
};

/// What a token must be like.
#[derive(Clone)]
pub struct TokenRules {
    /// The only algorithm that is accepted.
    pub algorithm: TokenAlgorithm,
    /// If set, `iss` must be this.
    pub issuer: Option<String>,
    /// If set, `aud` must be or contain this. If not set, tokens that name an audience are refused (RFC 7519 §4.1.3).
    pub audience: Option<String>,
    /// The claim that holds the user's id, a number or a string. Default `sub`.
    pub user_claim: String,
    /// How far the clocks of issuer and server may differ. Default 30 s.
    pub leeway: Duration,
    keys: Keys,
}

/// What signatures are checked with.
#[derive(Clone)]
enum Keys {
    One(DecodingKey),
    Set(KeySet),
}

/// What a good token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who it is.
    pub user: UserId,
    /// `exp`, Unix seconds.
    pub expires_at: i64,
    /// `nbf`, Unix seconds.
    pub not_before: Option<i64>,
    /// `iat`, Unix seconds. A token without it counts as issued at 0, so a sign-out everywhere refuses it for ever.
    pub issued_at: i64,
}

/// Which check a token failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not three base64url parts with a JSON object in the first two (RFC 7515 §3.1).
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// Signed in another way than configured.
    #[error("the token's algorithm is {found:?}, only {expected} is accepted")]
    WrongAlgorithm {
        /// The header's `alg`, cut to 20 characters.
        found: String,
        /// The configured one.
        expected: TokenAlgorithm,
    },
    /// The header demands an extension that is not known (RFC 7515 §4.1.11).
    #[error("the token's header has a `crit` that is not understood")]
    Critical,
    /// Signed with another key, or changed afterwards.
    #[error("the token's signature does not match the configured key")]
    BadSignature,
    /// Signed with a key that the key set does not have.
    #[error("the token is signed with a key that the key set does not have")]
    UnknownKey,
    /// No `exp`.
    #[error("the token has no `exp`, or one that is no number")]
    NoExpiry,
    /// Too old.
    #[error("the token expired {ago} s ago")]
    Expired {
        /// Seconds since then.
        ago: i64,
    },
    /// Too young.
    #[error("the token is not valid for another {wait} s")]
    NotYetValid {
        /// Seconds until then.
        wait: i64,
    },
    /// `iss` is not the configured one.
    #[error("the token's issuer is {found}, expected {expected:?}")]
    WrongIssuer {
        /// The claim as JSON, cut to 100 characters.
        found: String,
        /// The configured one.
        expected: String,
    },
    /// `aud` does not hold the configured one.
    #[error("the token's audience is {found}, expected {}", expected.as_deref().unwrap_or("none, because none is configured"))]
    WrongAudience {
        /// The claim as JSON, cut to 100 characters.
        found: String,
        /// The configured one.
        expected: Option<String>,
    },
    /// The claim that names the user is missing or no id.
    #[error("the token's claim {claim:?} names no user: {problem}")]
    NoUser {
        /// The configured claim.
        claim: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A time that is no number.
    #[error("the token's claim {claim:?} is no number: it holds Unix seconds (RFC 7519 §2, NumericDate)")]
    NoNumber {
        /// `exp`, `nbf` or `iat`.
        claim: &'static str,
    },
    /// `iat` lies in the future.
    #[error("the token says that it will be issued in {wait} s: are the clocks of issuer and server set?")]
    IssuedLater {
        /// Seconds until then.
        wait: i64,
    },
    /// Signed out everywhere since it was issued.
    #[error("the token was issued before its user was signed out everywhere, or does not say when (iat)")]
    Revoked,
}

impl TokenRules {
    /// Rules for an algorithm and its key: the secret's bytes (at least 32) for HS256, a PEM with the public key for the
    /// others. No issuer, no audience, the user in `sub`, 30 s of leeway.
    ///
    /// # Errors
    /// [`TokenKeyError`] where the key does not fit the algorithm.
    pub fn new(algorithm: TokenAlgorithm, key: &[u8]) -> Result<Self, TokenKeyError> {
        Ok(Self::with(algorithm, Keys::One(algorithm.checking_key(key)?)))
    }

    /// The same with the keys of a set: a token names its key by `kid`.
    pub fn with_key_set(set: KeySet) -> Self {
        Self::with(set.algorithm(), Keys::Set(set))
    }

    fn with(algorithm: TokenAlgorithm, keys: Keys) -> Self {
        let leeway = Duration::from_secs(30);
        Self { algorithm, issuer: None, audience: None, user_claim: "sub".into(), leeway, keys }
    }

    pub(crate) fn key_set(&self) -> Option<&KeySet> {
        if let Keys::Set(set) = &self.keys { Some(set) } else { None }
    }

    pub(crate) fn leeway_seconds(&self) -> i64 {
        i64::try_from(self.leeway.as_secs()).unwrap_or(i64::MAX)
    }
}

impl std::fmt::Debug for TokenRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRules")
            .field("algorithm", &self.algorithm)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("user_claim", &self.user_claim)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}

/// Checks a token as of `now`. Pure: whether its user was signed out since is asked elsewhere.
///
/// # Errors
/// The first check that failed: form, algorithm, signature, issuer, audience, user, times.
pub fn check_token(rules: &TokenRules, token: &str, now: Now) -> Result<Claims, TokenError> {
    check_header(rules, token)?;
    let claims = verified_claims(rules, token)?;
    check_issuer(rules, &claims)?;
    check_audience(rules, &claims)?;
    for claim in ["exp", "nbf", "iat"] {
        if claims.get(claim).is_some_and(|value| !value.is_number()) {
            return Err(TokenError::NoNumber { claim });
        }
    }
    let claims = Claims {
        user: user_of(rules, &claims)?,
        expires_at: seconds(&claims, "exp").ok_or(TokenError::NoExpiry)?,
        not_before: seconds(&claims, "nbf"),
        issued_at: seconds(&claims, "iat").unwrap_or(0),
    };
    claims.check_times(rules, now)?;
    Ok(claims)
}

impl Claims {
    /// Checks `exp`, `nbf` and `iat` alone: a token whose other checks passed once passes them always.
    pub(crate) fn check_times(&self, rules: &TokenRules, now: Now) -> Result<(), TokenError> {
        let (now, leeway) = (now.unix(), rules.leeway_seconds());
        if now >= self.expires_at.saturating_add(leeway) {
            return Err(TokenError::Expired { ago: now.saturating_sub(self.expires_at) });
        }
        if self.issued_at > now.saturating_add(leeway) {
            return Err(TokenError::IssuedLater { wait: self.issued_at.saturating_sub(now) });
        }
        match self.not_before {
            Some(start) if now.saturating_add(leeway) < start => {
                Err(TokenError::NotYetValid { wait: start.saturating_sub(now) })
            }
            _ => Ok(()),
        }
    }
}

impl TokenError {
    /// The sentence for whoever sent the token: what is configured is not told, `token check` tells it to the operator.
    pub(crate) fn for_strangers(&self) -> String {
        match self {
            Self::WrongIssuer { found, .. } => format!("the token's issuer is {found}, which is not accepted here"),
            Self::WrongAudience { found, .. } => format!("the token's audience is {found}, which is not accepted here"),
            other => other.to_string(),
        }
    }
}

/// What `token new` puts into a token.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// Who it is for.
    pub user: UserId,
    /// How long it holds.
    pub ttl: Duration,
    /// Goes into `iss`.
    pub issuer: Option<&'a str>,
    /// Goes into `aud`.
    pub audience: Option<&'a str>,
    /// The claim that names the user.
    pub user_claim: &'a str,
}

/// Makes an HS256 token with a secret of at least 32 bytes.
///
/// # Errors
/// [`TokenKeyError::ShortSecret`].
///
/// ```
/// use std::time::Duration;
/// use tidings_engine::clock::{Clock, SystemClock};
/// use tidings_server::auth::{NewToken, TokenAlgorithm, TokenRules, check_token, new_token};
/// use tidings_wire::UserId;
///
/// let (secret, now) = ([7; 32], SystemClock::new().now());
/// let (user, ttl) = (UserId::new(7), Duration::from_secs(3600));
/// let token = new_token(&secret, &NewToken { user, ttl, issuer: None, audience: None, user_claim: "sub" }, now)?;
///
/// let rules = TokenRules::new(TokenAlgorithm::Hs256, &secret)?;
/// assert_eq!(check_token(&rules, &token, now).map(|claims| claims.user), Ok(user));
/// # Ok::<(), tidings_server::auth::TokenKeyError>(())
/// ```
pub fn new_token(secret: &[u8], token: &NewToken<'_>, now: Now) -> Result<String, TokenKeyError> {
    if secret.len() < 32 {
        return Err(TokenKeyError::ShortSecret(secret.len()));
    }
    let ttl = i64::try_from(token.ttl.as_secs()).unwrap_or(i64::MAX);
    let mut claims = Map::new();
    claims.insert(token.user_claim.to_owned(), Value::String(token.user.to_string()));
    claims.insert("iat".into(), now.unix().into());
    claims.insert("exp".into(), now.unix().saturating_add(ttl).into());
    for (name, value) in [("iss", token.issuer), ("aud", token.audience)] {
        if let Some(value) = value {
            claims.insert(name.into(), value.into());
        }
    }
    let key = EncodingKey::from_secret(secret);
    let header = Header::new(TokenAlgorithm::Hs256.library());
    Ok(jsonwebtoken::encode(&header, &claims, &key).expect("strings and numbers always serialise, HMAC takes any key"))
}

/// Reads the header on its own, because the library tells an algorithm it does not know from garbage no more.
fn check_header(rules: &TokenRules, token: &str) -> Result<(), TokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(TokenError::Malformed("it has not three parts with dots between them"));
    };
    let bytes =
        BASE64_URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed("its header is no base64url"))?;
    let header: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed("its header is no JSON object"))?;
    let found = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    if found != rules.algorithm.as_str() {
        let found = found.chars().take(20).collect();
        return Err(TokenError::WrongAlgorithm { found, expected: rules.algorithm });
    }
    if header.contains_key("crit") { Err(TokenError::Critical) } else { Ok(()) }
}

/// The claims, once the signature holds. The library's own checks are off: it would ask the machine's clock, and its
/// errors name fewer reasons.
fn verified_claims(rules: &TokenRules, token: &str) -> Result<Map<String, Value>, TokenError> {
    let mut validation = Validation::new(rules.algorithm.library());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decode = |key: &DecodingKey| jsonwebtoken::decode(token, key, &validation).map(|data| data.claims);
    let decoded = match &rules.keys {
        Keys::One(key) => decode(key),
        Keys::Set(set) => {
            let keys = set.candidates(key_id(token).as_deref());
            let mut decoded = Err(TokenError::UnknownKey);
            for key in keys.iter() {
                let result = decode(key);
                let is_other_key = matches!(&result, Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature));
                decoded = result.map_err(refusal);
                if !is_other_key {
                    break;
                }
            }
            return decoded;
        }
    };
    decoded.map_err(refusal)
}

/// Which check the library's error stands for.
fn refusal(error: jsonwebtoken::errors::Error) -> TokenError {
    match error.kind() {
        ErrorKind::Base64(_) => TokenError::Malformed("a part is no base64url"),
        ErrorKind::Json(_) | ErrorKind::Utf8(_) => TokenError::Malformed("its claims are no JSON object"),
        ErrorKind::InvalidToken => TokenError::Malformed("it is no token"),
        _ => TokenError::BadSignature,
    }
}

fn check_issuer(rules: &TokenRules, claims: &Map<String, Value>) -> Result<(), TokenError> {
    match &rules.issuer {
        Some(expected) if claims.get("iss").and_then(Value::as_str) != Some(expected) => {
            Err(TokenError::WrongIssuer { found: shown(claims.get("iss")), expected: expected.clone() })
        }
        _ => Ok(()),
    }
}

fn check_audience(rules: &TokenRules, claims: &Map<String, Value>) -> Result<(), TokenError> {
    let found = claims.get("aud");
    let fits = match (&rules.audience, found) {
        (None, found) => found.is_none(),
        (Some(expected), Some(Value::String(one))) => one == expected,
        (Some(expected), Some(Value::Array(several))) => several.iter().any(|one| one == expected),
        (Some(_), _) => false,
    };
    if fits { Ok(()) } else { Err(TokenError::WrongAudience { found: shown(found), expected: rules.audience.clone() }) }
}

fn user_of(rules: &TokenRules, claims: &Map<String, Value>) -> Result<UserId, TokenError> {
    let claim = &rules.user_claim;
    let no_user = |problem: String| TokenError::NoUser { claim: claim.clone(), problem };
    let value = claims.get(claim).ok_or_else(|| no_user("it is missing".into()))?;
    serde_json::from_value(value.clone()).map_err(|error| no_user(error.to_string()))
}

/// A NumericDate (RFC 7519 §2), which may have a fraction.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// A claim for a sentence: strangers wrote it, so it is cut.
fn shown(claim: Option<&Value>) -> String {
    claim.map_or_else(|| "missing".into(), |claim| claim.to_string().chars().take(100).collect())
}
