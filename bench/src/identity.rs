//! Who the clients are: a token or a session for each user, made before the clock starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, fs};

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rusqlite::{Connection, params};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// What a connection shows at its upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Identity {
    /// `Authorization: Bearer` with a token signed with a shared secret (RFC 7518 section 3.2).
    #[default]
    Hs256,
    /// The same, signed with an RSA key of 2,048 bits (section 3.3).
    Rs256,
    /// The same, signed with a key on P-256 (section 3.4).
    Es256,
    /// A session cookie whose hash is a row of the data folder's table `sessions`.
    Session,
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Hs256 => "hs256",
            Self::Rs256 => "rs256",
            Self::Es256 => "es256",
            Self::Session => "session",
        })
    }
}

/// The header line of each user, or none at all.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    lines: Arc<Vec<String>>,
}

impl Credentials {
    /// The line of the user with this number (from 1) with its line break; empty where there is none.
    #[must_use]
    pub fn line(&self, user: usize) -> &str {
        user.checked_sub(1).and_then(|index| self.lines.get(index)).map_or("", String::as_str)
    }
}

/// The secret of the servers that this program starts itself. They live on the loopback, in a folder of their own, for as
/// long as a round.
const SECRET: &str = "signs the tokens of one measurement";

/// How long tokens and sessions hold: longer than any run.
const HOLDS: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes credentials. Those once made serve every round: signing 4,000 tokens with RSA takes seconds.
#[derive(Default)]
pub struct Mint {
    secret: Option<String>,
    rsa: Option<Pair>,
    p256: Option<Pair>,
    made: BTreeMap<Identity, Credentials>,
}

/// A key pair, both halves in PEM.
struct Pair {
    private: String,
    public: String,
}

#[derive(Serialize)]
struct Claims {
    sub: String,
    iat: u64,
    exp: u64,
}

impl Mint {
    /// Signs HS256 with this secret instead of its own: that of a server which runs already.
    #[must_use]
    pub fn with_secret(secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..Self::default() }
    }

    /// The header lines of the users 1 to `users`.
    ///
    /// # Errors
    /// A key that can't be made.
    pub fn credentials(&mut self, identity: Identity, users: usize) -> anyhow::Result<Credentials> {
        if let Some(made) = self.made.get(&identity)
            && made.lines.len() >= users
        {
            return Ok(made.clone());
        }
        let lines = match identity {
            Identity::Session => {
                (1..=users).map(|user| format!("Cookie: tidings_session={}\r\n", cookie(user))).collect()
            }
            _ => self.tokens(identity, users)?,
        };
        let credentials = Credentials { lines: Arc::new(lines) };
        self.made.insert(identity, credentials.clone());
        Ok(credentials)
    }

    fn tokens(&mut self, identity: Identity, users: usize) -> anyhow::Result<Vec<String>> {
        let (algorithm, key) = match identity {
            Identity::Rs256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(self.rsa()?.private.as_bytes())?),
            Identity::Es256 => (Algorithm::ES256, EncodingKey::from_ec_pem(self.p256()?.private.as_bytes())?),
            Identity::Hs256 | Identity::Session => {
                (Algorithm::HS256, EncodingKey::from_secret(self.secret().as_bytes()))
            }
        };
        let header = Header::new(algorithm);
        let iat =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock is before 1970")?.as_secs();
        let exp = iat + HOLDS.as_secs();
        let line = |user: usize| {
            let token = jsonwebtoken::encode(&header, &Claims { sub: user.to_string(), iat, exp }, &key)?;
            Ok(format!("Authorization: Bearer {token}\r\n"))
        };
        (1..=users).map(line).collect()
    }

    /// The environment variables by which a server takes these credentials; a public key is written into `folder`.
    ///
    /// # Errors
    /// A key that can't be made or written.
    pub fn settings(&mut self, identity: Identity, folder: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
        let (algorithm, public) = match identity {
            Identity::Hs256 | Identity::Session => return Ok(vec![("TIDINGS_AUTH__SECRET", self.secret().to_owned())]),
            Identity::Rs256 => ("RS256", &self.rsa()?.public),
            Identity::Es256 => ("ES256", &self.p256()?.public),
        };
        let file = folder.join("public.pem");
        fs::write(&file, public).with_context(|| format!("can't write {}", file.display()))?;
        Ok(vec![
            ("TIDINGS_AUTH__ALGORITHM", algorithm.to_owned()),
            ("TIDINGS_AUTH__PUBLIC_KEY_FILE", file.to_string_lossy().into_owned()),
        ])
    }

    fn secret(&self) -> &str {
        self.secret.as_deref().unwrap_or(SECRET)
    }

    fn rsa(&mut self) -> anyhow::Result<&Pair> {
        if self.rsa.is_none() {
            let keys = rsa::KeyPair::generate(KeySize::Rsa2048).context("no RSA key")?;
            let private: Pkcs8V1Der<'_> = keys.as_der().context("no RSA key")?;
            let public: PublicKeyX509Der<'_> = keys.public_key().as_der().context("no RSA key")?;
            self.rsa = Some(Pair::new(private.as_ref(), public.as_ref()));
        }
        Ok(self.rsa.as_ref().expect("it was made above"))
    }

    fn p256(&mut self) -> anyhow::Result<&Pair> {
        if self.p256.is_none() {
            let keys = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("no P-256 key")?;
            let private = keys.to_pkcs8v1().context("no P-256 key")?;
            let public: PublicKeyX509Der<'_> = keys.public_key().as_der().context("no P-256 key")?;
            self.p256 = Some(Pair::new(private.as_ref(), public.as_ref()));
        }
        Ok(self.p256.as_ref().expect("it was made above"))
    }
}

impl Pair {
    fn new(private: &[u8], public: &[u8]) -> Self {
        Self { private: pem("PRIVATE KEY", private), public: pem("PUBLIC KEY", public) }
    }
}

/// Puts the sessions of the users 1 to `users` into a server's database.
///
/// # Errors
/// The database isn't there, or has no such table.
pub fn insert_sessions(database: &Path, users: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(database)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock is before 1970")?.as_secs();
    let transaction = connection.transaction()?;
    let sql = "INSERT INTO sessions (hash, user, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = transaction.prepare(sql)?;
    for user in 1..=users {
        let hash: [u8; 32] = Sha256::digest(cookie(user)).into();
        insert.execute(params![hash, user as i64, now as i64, (now + HOLDS.as_secs()) as i64])?;
    }
    drop(insert);
    Ok(transaction.commit()?)
}

/// As long as a cookie that Tidings makes, so that as many bytes are hashed.
fn cookie(user: usize) -> String {
    format!("{user:064x}")
}

/// RFC 7468: base64 in lines of 64 characters between two markers.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    #[test]
    fn each_user_has_a_token_of_their_own_that_the_public_key_proves() {
        let folder = tempfile::tempdir().unwrap();
        for (identity, algorithm) in [
            (Identity::Hs256, Algorithm::HS256),
            (Identity::Rs256, Algorithm::RS256),
            (Identity::Es256, Algorithm::ES256),
        ] {
            let mut mint = Mint::default();
            let credentials = mint.credentials(identity, 3).unwrap();
            let settings = mint.settings(identity, folder.path()).unwrap();
            let value = &settings.last().expect("each says how it is checked").1;
            let key = match identity {
                Identity::Rs256 => DecodingKey::from_rsa_pem(&fs::read(value).unwrap()).unwrap(),
                Identity::Es256 => DecodingKey::from_ec_pem(&fs::read(value).unwrap()).unwrap(),
                _ => DecodingKey::from_secret(value.as_bytes()),
            };
            let token = credentials.line(2).strip_prefix("Authorization: Bearer ").unwrap().trim_end();
            let claims = jsonwebtoken::decode::<Value>(token, &key, &Validation::new(algorithm)).unwrap().claims;
            assert_eq!(claims["sub"], "2", "{identity}");
        }
    }

    #[test]
    fn credentials_once_made_are_made_again_only_for_more_users() {
        let mut mint = Mint::default();
        let first = mint.credentials(Identity::Hs256, 2).unwrap();
        assert!(Arc::ptr_eq(&first.lines, &mint.credentials(Identity::Hs256, 1).unwrap().lines));
        assert_eq!(mint.credentials(Identity::Hs256, 5).unwrap().lines.len(), 5);
        assert_eq!((first.line(0), first.line(3)), ("", ""));
    }

    #[test]
    fn a_session_is_the_hash_of_the_cookie_that_its_user_sends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.db");
        let connection = Connection::open(&file).unwrap();
        connection.execute("CREATE TABLE sessions (hash, user, created_at, expires_at)", []).unwrap();
        insert_sessions(&file, 3).unwrap();
        let line = Mint::default().credentials(Identity::Session, 3).unwrap().line(3).to_owned();
        let value = line.strip_prefix("Cookie: tidings_session=").unwrap().trim_end().to_owned();
        let hash: [u8; 32] = Sha256::digest(value).into();
        let user: i64 =
            connection.query_row("SELECT user FROM sessions WHERE hash = ?1", [hash], |row| row.get(0)).unwrap();
        assert_eq!(user, 3);
    }
}
