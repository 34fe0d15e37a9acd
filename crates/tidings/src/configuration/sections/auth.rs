//! `[auth]`

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::configuration::{Secret, TimeSpan};

/// `[auth]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Auth {
    /// The one algorithm that tokens are signed with (RFC 7518 §3.1, RFC 8037). A token that names another is refused,
    /// whatever it is signed with.
    pub algorithm: Algorithm,
    /// The shared secret of HS256, at least 32 bytes. Better in `secret_file`, or in the environment variable. Without
    /// either, the first start writes one to `secret.key` in the data folder.
    pub secret: Option<Secret>,
    /// A file that holds the shared secret of HS256; white space around it is dropped.
    pub secret_file: Option<PathBuf>,
    /// A PEM file with the public key of RS256, ES256 or EdDSA.
    pub public_key_file: Option<PathBuf>,
    /// Where an identity provider shows its public keys as a JSON Web Key Set (RFC 7517), in place of `public_key_file`. They are fetched
    /// at the start, every 10 minutes, and when a token names a key that is not among them (at most once in 30 s); where that
    /// fails, the last ones stay.
    #[schemars(extend("format" = "URL"))]
    pub jwks_url: Option<String>,
    /// The `iss` that a token must have. Without it any will do.
    pub issuer: Option<String>,
    /// The `aud` that a token must have. Without it, a token with an `aud` is refused, because it was meant for somebody
    /// else (RFC 7519 §4.1.3).
    pub audience: Option<String>,
    /// The claim that names the user: an integer or a UUID.
    pub user_claim: String,
    /// The cookie whose value the sessions table knows, or `[app.sessions]`.
    pub cookie: String,
    /// How long a session that was found good is taken without looking it up again: so long, at most, may one that was
    /// deleted open connections. `"0s"` looks up each time. A sign-out everywhere holds at once.
    pub session_memory: TimeSpan,
    /// How far the clocks of the one who signs and of this server may be apart, for `exp` and `nbf`.
    pub leeway: TimeSpan,
}

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256 and a shared secret.
    HS256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::HS256,
            secret: None,
            secret_file: None,
            public_key_file: None,
            jwks_url: None,
            issuer: None,
            audience: None,
            user_claim: "sub".to_owned(),
            cookie: tidings_server::ServerOptions::default().session_cookie,
            session_memory: TimeSpan::seconds(10),
            leeway: TimeSpan::seconds(30),
        }
    }
}
