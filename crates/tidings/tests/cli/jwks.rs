//! Tokens of an identity provider whose keys are fetched from a URL: a real HTTP server, real signatures, the real program.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tidings_testkit::{AppBackend, Reply};

use crate::{http::request, support::process::Server};

const RS256: &[u8] = include_bytes!("../../../server/tests/tokens/keys/rs256.private.pem");
const ES256: &[u8] = include_bytes!("../../../server/tests/tokens/keys/es256.private.pem");

/// The public half of a key, as a provider shows it.
fn shown(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Value {
    let mut key = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    key["kid"] = kid.into();
    key
}

fn token(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    let far = 4_000_000_000_u64;
    encode(&header, &json!({"sub": 7, "iat": 1_700_000_000, "exp": far}), key).unwrap()
}

fn status(server: &Server, token: &str) -> u16 {
    request(server.address, "GET", "/v1/me", Some(token), None).status
}

#[test]
fn tokens_of_the_keys_that_a_provider_shows_are_taken_and_no_others() {
    let keys = [
        ("RS256", Algorithm::RS256, EncodingKey::from_rsa_pem(RS256).unwrap()),
        ("ES256", Algorithm::ES256, EncodingKey::from_ec_pem(ES256).unwrap()),
    ];
    for (name, algorithm, key) in &keys {
        let set = json!({"keys": [shown(key, *algorithm, "first")]}).to_string();
        let broken = Arc::new(AtomicBool::new(false));
        let fails = broken.clone();
        let provider = AppBackend::start(move |_| match fails.load(Ordering::SeqCst) {
            true => Reply::Status(500),
            false => Reply::Json(set.clone()),
        });
        let folder = tempfile::tempdir().unwrap();
        let settings = format!("[auth]\nalgorithm = \"{name}\"\njwks_url = \"{}\"\n", provider.url("/keys"));
        std::fs::write(folder.path().join("tidings.toml"), settings).unwrap();
        let server = Server::start(folder.path(), &[]);
        assert_eq!(status(&server, &token(key, *algorithm, "first")), 200, "{name}");
        // The last good set stays when the provider fails; a key that it never showed is refused.
        broken.store(true, Ordering::SeqCst);
        assert_eq!(status(&server, &token(key, *algorithm, "second")), 401, "{name}");
        assert_eq!(status(&server, &token(key, *algorithm, "first")), 200, "{name}");
        let mut forged = token(key, *algorithm, "first");
        forged.truncate(forged.len() - 8);
        forged.push_str("AAAAAAAA");
        assert_eq!(status(&server, &forged), 401, "{name}");
    }
}
