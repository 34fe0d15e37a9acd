//! The key that tokens are checked with, and the rules they must follow. The configuration was checked before: a public key
//! file is there exactly where the algorithm is not HS256.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tidings_server::auth::{KeySet, TokenAlgorithm, TokenRules};

use super::{
    app_ports,
    failure::Failure,
    secret_file::{self, SecretFile},
};
use crate::configuration::{Algorithm, Auth, Configuration};

/// How tokens are checked, and if we may, how they are signed.
pub(super) struct TokenKey {
    pub(super) rules: TokenRules,
    /// The keys of an identity provider, to be fetched before a token is checked; a server does that by itself.
    pub(super) set: Option<KeySet>,
    /// The secret of HS256. The other algorithms are checked with a public key, which signs nothing.
    pub(super) secret: Option<String>,
    /// Where the secret was written, if this was the first start.
    pub(super) made: Option<PathBuf>,
}

impl TokenKey {
    /// Reads the configured key; without one, the data folder's own secret, which is made if it is not there.
    pub(super) fn read_or_make(configuration: &Configuration) -> Result<Self, Failure> {
        Self::read(configuration, || secret_file::ensure(&configuration.server.data))
    }

    /// Reads the configured key, or the data folder's own secret. Makes nothing.
    pub(super) fn read_only(configuration: &Configuration) -> Result<Self, Failure> {
        Self::read(configuration, || secret_file::find(&configuration.server.data))
    }

    fn read(configuration: &Configuration, own: impl FnOnce() -> anyhow::Result<SecretFile>) -> Result<Self, Failure> {
        let auth = &configuration.auth;
        let (mut secret, mut made) = (None, None);
        let set = app_ports::key_set(&configuration.app, auth, algorithm(auth.algorithm))?;
        let mut rules = match &set {
            Some(set) => TokenRules::with_key_set(set.clone()),
            None => {
                let (algorithm, key) = match &auth.public_key_file {
                    Some(path) => (algorithm(auth.algorithm), configured("auth.public_key_file", pem(path))?),
                    None => {
                        let file = shared_secret(auth, own)?;
                        made = file.made.then_some(file.path);
                        let key = file.secret.clone().into_bytes();
                        secret = Some(file.secret);
                        (TokenAlgorithm::Hs256, key)
                    }
                };
                TokenRules::new(algorithm, &key).map_err(|error| Failure::Usage(describe(auth, &error)))?
            }
        };
        rules.issuer.clone_from(&auth.issuer);
        rules.audience.clone_from(&auth.audience);
        rules.user_claim.clone_from(&auth.user_claim);
        rules.leeway = auth.leeway.0;
        Ok(Self { rules, set, secret, made })
    }
}

/// The configured secret; without one the data folder's own.
fn shared_secret(auth: &Auth, own: impl FnOnce() -> anyhow::Result<SecretFile>) -> Result<SecretFile, Failure> {
    let secret = match (&auth.secret, &auth.secret_file) {
        (Some(secret), _) => secret.reveal().to_owned(),
        (None, Some(path)) => configured("auth.secret_file", secret_file::read(path))?,
        (None, None) => return Ok(own()?),
    };
    Ok(SecretFile { secret, path: PathBuf::new(), made: false })
}

fn algorithm(configured: Algorithm) -> TokenAlgorithm {
    match configured {
        Algorithm::HS256 => TokenAlgorithm::Hs256,
        Algorithm::RS256 => TokenAlgorithm::Rs256,
        Algorithm::ES256 => TokenAlgorithm::Es256,
        Algorithm::EdDSA => TokenAlgorithm::EdDsa,
    }
}

/// A file that the configuration names and that can't be used is a matter of the configuration: exit code 2.
fn configured<T>(key: &str, read: anyhow::Result<T>) -> Result<T, Failure> {
    read.map_err(|error| Failure::Usage(format!("{key}: {error:#}")))
}

fn pem(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read the public key in {}", path.display()))
}

fn describe(auth: &Auth, error: &tidings_server::auth::TokenKeyError) -> String {
    match &auth.public_key_file {
        Some(path) => format!("auth.public_key_file {}: {error}", path.display()),
        None => format!("auth: {error}"),
    }
}
