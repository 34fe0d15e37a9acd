//! The one algorithm and key that tokens are checked with.

use std::{fmt, str::FromStr};

use jsonwebtoken::{Algorithm, DecodingKey};

/// How tokens are signed (RFC 7518 §3.1, RFC 8037 §3.1). One is configured, and no other is accepted, whatever a token's
/// header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256: one secret signs and checks.
    Hs256,
    /// RSA PKCS #1 v1.5 with SHA-256, keys of 2,048 to 8,192 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A key that can't be used. The sentence says what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenKeyError {
    /// Fewer bytes than the hash has (RFC 7518 §3.2).
    #[error("the token secret has {0} bytes, HS256 needs at least 32")]
    ShortSecret(usize),
    /// A private key where the public one belongs.
    #[error("the PEM holds a private key: configure the public key, the server only checks tokens")]
    Private,
    /// No key of this algorithm.
    #[error("the PEM holds no public key for {algorithm}")]
    Pem {
        /// The configured algorithm.
        algorithm: TokenAlgorithm,
        /// What the parser said.
        source: jsonwebtoken::errors::Error,
    },
    /// The text names no algorithm.
    #[error("unknown token algorithm {0:?}: the algorithms are HS256, RS256, ES256, EdDSA")]
    Algorithm(String),
}

impl TokenAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in a token's `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) const fn library(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    /// Reads the checking key: the secret's bytes for HS256, a PEM (RFC 7468) with a public key for the others.
    pub(super) fn checking_key(self, key: &[u8]) -> Result<DecodingKey, TokenKeyError> {
        let parse = match self {
            Self::Hs256 if key.len() < 32 => return Err(TokenKeyError::ShortSecret(key.len())),
            Self::Hs256 => return Ok(DecodingKey::from_secret(key)),
            Self::Rs256 => DecodingKey::from_rsa_pem,
            Self::Es256 => DecodingKey::from_ec_pem,
            Self::EdDsa => DecodingKey::from_ed_pem,
        };
        if key.windows(PRIVATE.len()).any(|window| window == PRIVATE) {
            return Err(TokenKeyError::Private);
        }
        parse(key).map_err(|source| TokenKeyError::Pem { algorithm: self, source })
    }
}

/// Stands in the first line of every private key's PEM.
const PRIVATE: &[u8] = b"PRIVATE KEY-----";

impl fmt::Display for TokenAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenAlgorithm {
    type Err = TokenKeyError;

    fn from_str(text: &str) -> Result<Self, TokenKeyError> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| TokenKeyError::Algorithm(text.to_owned()))
    }
}
