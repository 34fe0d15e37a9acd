//! Service keys: how backends identify themselves. `tdk_` and 32 random bytes in base64url; stored as a SHA-256.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use moka::sync::Cache;
use rand::TryRng;
use sha2::{Digest, Sha256};
use tidings_engine::ports::{KeyRecord, ServiceKeys, StoreError};

/// Begins every service key, so that it is told from a token, and found by scanners where it leaked.
const PREFIX: &str = "tdk_";

/// A key that was just made. It is shown once and stored nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What the backend sends.
    pub plain: String,
    /// What is stored.
    pub hash: [u8; 32],
}

/// Makes a key.
///
/// # Panics
/// Where the operating system has no randomness to give.
///
/// ```
/// use tidings_server::auth::{generate_key, hash_key};
///
/// let key = generate_key();
/// assert!(key.plain.starts_with("tdk_"));
/// assert_eq!(hash_key(&key.plain), key.hash);
/// ```
pub fn generate_key() -> NewKey {
    let mut random = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut random).expect("the operating system gives randomness");
    let plain = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random));
    let hash = hash_key(&plain);
    NewKey { plain, hash }
}

/// The SHA-256 under which a key is stored. The key is random, so no salt and no slow hash are needed; and because it is
/// found by its hash, the time that takes tells nothing of the key.
pub fn hash_key(plain: &str) -> [u8; 32] {
    Sha256::digest(plain).into()
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewKey(..)")
    }
}

/// Whether a bearer's text is a service key and no token.
pub(super) fn is_key(bearer: &str) -> bool {
    bearer.starts_with(PREFIX)
}

/// Keys as the store knows them, remembered for 5 s.
pub(super) struct KnownKeys {
    port: Arc<dyn ServiceKeys>,
    /// At most 10,000, unknown ones too; the least recently used go and are asked for again.
    known: Cache<[u8; 32], Option<Arc<KeyRecord>>>,
    /// Names whose use was noted within this minute.
    noted: Cache<String, ()>,
}

impl KnownKeys {
    pub(super) fn new(port: Arc<dyn ServiceKeys>) -> Self {
        let cache = |seconds| Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(seconds));
        Self {
            port,
            known: cache(5).build(),
            noted: Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(60)).build(),
        }
    }

    /// The key, if it is stored and not revoked.
    pub(super) async fn find(&self, plain: &str) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        let hash = hash_key(plain);
        if let Some(known) = self.known.get(&hash) {
            return Ok(known);
        }
        let found = self.port.find(hash).await?.map(Arc::new);
        self.known.insert(hash, found.clone());
        Ok(found)
    }

    /// What is to be noted of a use at a Unix second: nothing, if that was done within this minute.
    pub(super) fn note(&self, key: &KeyRecord, at: i64) -> Option<impl Future<Output = ()> + Send + 'static> {
        let entry = self.noted.entry_by_ref(&key.name).or_insert(());
        let noting = entry.is_fresh().then(|| self.port.used(key.name.clone(), at))?;
        Some(async move {
            if let Err(error) = noting.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the use of a service key was not noted");
            }
        })
    }

    pub(super) fn forget(&self) {
        self.known.invalidate_all();
    }
}
