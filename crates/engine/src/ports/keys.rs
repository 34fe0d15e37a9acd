//! The keys by which backends act: named, scoped, stored as hashes.

use std::{fmt, str::FromStr};

use super::{BoxFuture, StoreError};

/// Where service keys are stored.
pub trait ServiceKeys: Send + Sync + 'static {
    /// Stores a new key; false where an unrevoked key of that name exists.
    fn insert(&self, key: KeyRecord) -> BoxFuture<Result<bool, StoreError>>;

    /// The unrevoked key of this SHA-256.
    fn find(&self, hash: [u8; 32]) -> BoxFuture<Result<Option<KeyRecord>, StoreError>>;

    /// All keys that are not revoked, by name.
    fn list(&self) -> BoxFuture<Result<Vec<KeyRecord>, StoreError>>;

    /// Revokes a key by its name; false where there is none.
    fn revoke(&self, name: String) -> BoxFuture<Result<bool, StoreError>>;

    /// Notes that a key was used at a Unix second. Callers call at most once a minute for each key.
    fn used(&self, name: String, at: i64) -> BoxFuture<Result<(), StoreError>>;
}

/// A service key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The name, which stands in logs and traces.
    pub name: String,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds, exact to a minute.
    pub last_used_at: Option<i64>,
}

/// One thing that a service key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// Send messages.
    Send = 1,
    /// Read conversations, presence, members.
    Read = 2,
    /// Make notifications.
    Notify = 4,
    /// Change members, sign users out, change rollouts.
    Admin = 8,
}

/// What a service key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

/// The text names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope {0:?}: the scopes are send, read, notify, admin")]
pub struct ScopeError(String);

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] = [Scope::Send, Scope::Read, Scope::Notify, Scope::Admin];

    /// The scope's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Notify => "notify",
            Self::Admin => "admin",
        }
    }
}

impl Scopes {
    /// Everything, also what comes later.
    pub const ALL: Scopes = Scopes(u8::MAX);

    /// Whether a scope is among them.
    pub const fn allow(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    /// Reads words with commas between them; `all` stands for everything.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text == "all" {
            return Ok(Self::ALL);
        }
        text.split(',').map(str::trim).try_fold(Self(0), |scopes, word| {
            let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == word);
            scope.map(|scope| Self(scopes.0 | scope as u8)).ok_or_else(|| ScopeError(word.to_owned()))
        })
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        let words: Vec<_> = Scope::ALL.into_iter().filter(|&scope| self.allow(scope)).map(Scope::as_str).collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_back_and_an_unknown_one_is_named() {
        for text in ["send", "send,read", "notify,admin", "all"] {
            assert_eq!(text.parse::<Scopes>().unwrap().to_string(), text);
        }
        assert!(!"send".parse::<Scopes>().unwrap().allow(Scope::Admin));
        assert_eq!("send,write".parse::<Scopes>().unwrap_err(), ScopeError("write".into()));
    }
}
