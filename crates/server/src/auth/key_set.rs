//! The keys of an identity provider (RFC 7517), fetched from where it shows them, and fetched again as they change.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;
use tidings_engine::{
    clock::{Now, SharedClock},
    ports::{BoxFuture, StoreError},
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use super::key::TokenAlgorithm;

/// A set of keys that comes from somewhere else.
///
/// It is fetched when the server starts, every 10 minutes, and when a token names a key that it does not have, then at most once in
/// 30 s: so a new key is taken at once, and tokens with invented names cost nothing. Where fetching fails, the last set that could be
/// read stays. As long as none was, tokens are answered with `unavailable`.
///
/// At most 64 keys are taken of a set; those of another kind than the algorithm's, and those for encryption, are left out. Cheap to clone;
/// clones share the set.
#[derive(Clone)]
pub struct KeySet(Arc<Shared>);

struct Shared {
    algorithm: TokenAlgorithm,
    fetch: Box<dyn Fn() -> BoxFuture<Result<Bytes, StoreError>> + Send + Sync>,
    every: Duration,
    held: RwLock<Arc<Held>>,
    /// When the last attempt began, and how many are over.
    attempts: watch::Sender<Attempts>,
    /// Somebody looks for a key that is not there.
    wanted: Notify,
}

#[derive(Clone, Copy, Default)]
struct Attempts {
    began: Option<Duration>,
    over: u64,
}

#[derive(Default)]
struct Held {
    /// 0 where no set was read yet.
    version: u64,
    keys: HashMap<String, DecodingKey>,
    /// Those without a name.
    nameless: Vec<DecodingKey>,
}

/// Keys of a set that are taken. The others are left out, and the log says so.
const KEYS: usize = 64;

/// After an attempt, names that are not known start another one no sooner than this.
const AGAIN: Duration = Duration::from_secs(30);

/// The same as long as no set could be read.
const AGAIN_SOON: Duration = Duration::from_secs(1);

/// How often the set is fetched without a reason.
const EVERY: Duration = Duration::from_secs(600);

/// How long somebody with an unknown key waits for the set. Whoever fetches has a limit of its own, which is shorter.
const WAIT: Duration = Duration::from_secs(5);

impl KeySet {
    /// A set for one algorithm, by what fetches its JSON: the caller's affair, with a limit in time and bytes.
    pub fn new(
        algorithm: TokenAlgorithm,
        fetch: impl Fn() -> BoxFuture<Result<Bytes, StoreError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            algorithm,
            fetch: Box::new(fetch),
            every: EVERY,
            held: RwLock::default(),
            attempts: watch::Sender::default(),
            wanted: Notify::new(),
        }))
    }

    /// The same, fetched in other intervals than 10 minutes.
    ///
    /// # Panics
    /// Where it is shared already.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        Arc::get_mut(&mut self.0).expect("a set is told before it is shared").every = interval;
        self
    }

    pub(super) fn algorithm(&self) -> TokenAlgorithm {
        self.0.algorithm
    }

    /// Counts the sets that differed.
    pub(super) fn version(&self) -> u64 {
        self.held().version
    }

    /// The keys that a token may be signed with: the one that it names; where it names none, or nobody of the set has a name, all.
    pub(super) fn candidates(&self, id: Option<&str>) -> Vec<DecodingKey> {
        let held = self.held();
        let named: Vec<_> = match id {
            Some(id) => held.keys.get(id).cloned().into_iter().collect(),
            None => held.keys.values().cloned().collect(),
        };
        named.into_iter().chain(held.nameless.iter().cloned()).collect()
    }

    /// Makes sure, as far as it can be, that the key is there.
    ///
    /// # Errors
    /// Where no set could be read yet.
    pub(super) async fn look_for(&self, id: Option<&str>, now: Now) -> Result<(), StoreError> {
        // Before the look: an attempt that ends behind it wakes us.
        let mut attempts = self.0.attempts.subscribe();
        if self.knows(id) {
            return Ok(());
        }
        if self.is_due(now) {
            self.0.wanted.notify_one();
            // Without an attempt in that time it stays as it is.
            let _ = timeout(WAIT, attempts.changed()).await;
        }
        match self.version() {
            0 => Err(StoreError::Unavailable("the keys that tokens are checked with could not be fetched yet".into())),
            _ => Ok(()),
        }
    }

    /// Fetches the set until the future is dropped. One task does it for all, so whoever waits may go away.
    pub(crate) async fn keep_up(self, clock: SharedClock) {
        loop {
            // Also where the next one begins by a timer: what was wanted before an attempt is answered by it.
            let _ = timeout(self.0.every, self.wanted_and_due(&clock)).await;
            self.fetch(clock.now()).await;
        }
    }

    async fn wanted_and_due(&self, clock: &SharedClock) {
        loop {
            self.0.wanted.notified().await;
            if self.is_due(clock.now()) {
                return;
            }
        }
    }

    /// Whether a name that is not known is a reason to fetch.
    fn is_due(&self, now: Now) -> bool {
        let again = if self.version() == 0 { AGAIN_SOON } else { AGAIN };
        self.0.attempts.borrow().began.is_none_or(|began| now.mono >= began + again)
    }

    /// Fetches the set once, and keeps what was held where that fails.
    pub async fn fetch(&self, now: Now) {
        self.0.attempts.send_if_modified(|attempts| {
            attempts.began = Some(now.mono);
            // Nobody waits for a beginning.
            false
        });
        match (self.0.fetch)().await {
            Ok(body) => match read(self.0.algorithm, &body) {
                Ok(read) => self.hold(read),
                Err(problem) => {
                    tracing::warn!(problem, "the key set can't be used: the last one stays (auth.jwks_url)")
                }
            },
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the key set could not be fetched: the last one stays (auth.jwks_url)");
            }
        }
        self.0.attempts.send_modify(|attempts| attempts.over += 1);
    }

    fn hold(&self, mut read: Held) {
        let mut held = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        // Keys can't be compared: whatever was fetched counts as another set, so tokens are checked anew.
        read.version = held.version + 1;
        *held = Arc::new(read);
    }

    fn knows(&self, id: Option<&str>) -> bool {
        let held = self.held();
        held.version > 0 && id.is_none_or(|id| held.keys.contains_key(id))
    }

    fn held(&self) -> Arc<Held> {
        self.0.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet").field("algorithm", &self.0.algorithm).finish_non_exhaustive()
    }
}

/// The key that a token names in its header, before anything of it is believed.
pub(super) fn key_id(token: &str) -> Option<String> {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header.get("kid").and_then(Value::as_str).map(str::to_owned)
}

fn read(algorithm: TokenAlgorithm, json: &[u8]) -> Result<Held, String> {
    let set: Value = serde_json::from_slice(json).map_err(|error| format!("it is no JSON: {error}"))?;
    let listed = set.get("keys").and_then(Value::as_array).ok_or("it has no list `keys` (RFC 7517 §5)")?;
    let mut held = Held::default();
    // A key of a kind that nobody here knows must be left out, and not fail the others (RFC 7517 §5).
    let keys = listed.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    let mut fitting = keys.filter(|key| fits(algorithm, key));
    for key in fitting.by_ref().take(KEYS) {
        let Ok(checks) = DecodingKey::from_jwk(&key) else { continue };
        match key.common.key_id {
            Some(id) => drop(held.keys.insert(id, checks)),
            None => held.nameless.push(checks),
        }
    }
    let more = fitting.count();
    if more > 0 {
        tracing::warn!(more, most = KEYS, "the key set has too many keys: the last of them are left out");
    }
    match held.keys.len() + held.nameless.len() {
        0 => Err(format!("it has no key for {algorithm}")),
        _ => Ok(held),
    }
}

fn fits(algorithm: TokenAlgorithm, key: &Jwk) -> bool {
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), TokenAlgorithm::Rs256) => true,
        (AlgorithmParameters::EllipticCurve(key), TokenAlgorithm::Es256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(key), TokenAlgorithm::EdDsa) => key.curve == EllipticCurve::Ed25519,
        // A shared secret has no place in a set that everybody can read.
        _ => false,
    };
    let algorithm_fits = key.common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm.library()));
    kind && algorithm_fits && !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use tidings_engine::clock::Clock;

    use super::*;

    const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"NAME","use":"sig","alg":"ES256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn now(&self) -> Now {
            Now { mono: *self.0.lock().unwrap(), unix_ms: 0 }
        }
    }

    fn keys(names: &[&str]) -> String {
        let keys: Vec<_> = names.iter().map(|name| KEY.replace("NAME", name)).collect();
        format!(r#"{{"keys":[{},{{"kty":"of the future"}}]}}"#, keys.join(","))
    }

    #[tokio::test]
    async fn an_unknown_key_is_fetched_at_most_once_in_thirty_seconds_and_a_failure_changes_nothing() {
        let (shown, fetched) = (Arc::new(Mutex::new(Some(keys(&["one"])))), Arc::new(AtomicUsize::new(0)));
        let (shows, fetches) = (shown.clone(), fetched.clone());
        let set = KeySet::new(TokenAlgorithm::Es256, move || {
            fetches.fetch_add(1, Ordering::SeqCst);
            let body = shows.lock().unwrap().clone();
            Box::pin(async move { body.map(Bytes::from).ok_or(StoreError::Full) })
        });
        let clock = Arc::new(Hand::default());
        set.fetch(clock.now()).await;
        let keeping = tokio::spawn(set.clone().keep_up(clock.clone()));
        let knows = async |name: &str| {
            set.look_for(Some(name), clock.now()).await.unwrap();
            set.candidates(Some(name)).len() == 1
        };
        assert!(knows("one").await && !knows("two").await);
        *shown.lock().unwrap() = Some(keys(&["two"]));
        assert!(!knows("two").await, "not within 30 s of the start");
        *clock.0.lock().unwrap() += AGAIN;
        assert!(knows("two").await && !knows("one").await, "a key that was taken back is gone");
        *clock.0.lock().unwrap() += AGAIN;
        *shown.lock().unwrap() = None;
        assert!(!knows("three").await && knows("two").await);
        *clock.0.lock().unwrap() += AGAIN;
        *shown.lock().unwrap() = Some(r#"{"keys":[]}"#.to_owned());
        assert!(!knows("three").await && knows("two").await);
        assert_eq!(fetched.load(Ordering::SeqCst), 4);
        keeping.abort();
    }

    #[tokio::test]
    async fn as_long_as_no_set_was_read_nobody_is_told_that_a_token_is_bad() {
        let set = KeySet::new(TokenAlgorithm::Rs256, || Box::pin(async { Err(StoreError::Full) }));
        let now = Now { mono: Duration::ZERO, unix_ms: 0 };
        set.fetch(now).await;
        assert!(set.look_for(Some("one"), now).await.is_err());
    }
}
