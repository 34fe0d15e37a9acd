//! The key by which browsers and their push services know the server: VAPID (RFC 8292).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Uri};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use web_push_native::p256::{
    SecretKey,
    elliptic_curve::{rand_core::OsRng, sec1::ToEncodedPoint},
    pkcs8::EncodePrivateKey,
};

/// A key pair on P-256. Browsers subscribe with its public half: with another key all subscriptions are void.
#[derive(Clone)]
pub struct VapidKey {
    signs: EncodingKey,
    private: String,
    public: String,
}

/// No key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VapidError {
    /// Not 32 bytes in base64url, or none on the curve.
    #[error("a VAPID key is 32 bytes in base64url, as `web-push generate-vapid-keys` calls it the private key")]
    Malformed,
    /// Signing failed.
    #[error("sign for the push service")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// How long what is signed holds: half of the most that RFC 8292 §2 allows.
const HOLDS: i64 = 12 * 60 * 60;

impl VapidKey {
    /// A new one.
    pub fn random() -> Self {
        Self::of(&SecretKey::random(&mut OsRng)).expect("a new key is one")
    }

    /// Reads the private half, as [`private`](Self::private) gives it.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(text: &str) -> Result<Self, VapidError> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).map_err(|_| VapidError::Malformed)?;
        Self::of(&SecretKey::from_slice(&bytes).map_err(|_| VapidError::Malformed)?)
    }

    fn of(key: &SecretKey) -> Result<Self, VapidError> {
        let pkcs8 = key.to_pkcs8_der().map_err(|_| VapidError::Malformed)?;
        Ok(Self {
            signs: EncodingKey::from_ec_der(pkcs8.as_bytes()),
            private: URL_SAFE_NO_PAD.encode(key.to_bytes()),
            public: URL_SAFE_NO_PAD.encode(key.public_key().to_encoded_point(false).as_bytes()),
        })
    }

    /// The private half, 32 bytes in base64url: what is kept.
    pub fn private(&self) -> &str {
        &self.private
    }

    /// The public half, 65 bytes in base64url: what browsers subscribe with.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The header `authorization` for a push service: RFC 8292 §2 and §3.
    pub(crate) fn authorize(&self, endpoint: &Uri, contact: &str, at: i64) -> Result<HeaderValue, VapidError> {
        let authority = endpoint.authority().map(ToString::to_string).unwrap_or_default();
        let origin = format!("{}://{authority}", endpoint.scheme_str().unwrap_or("https"));
        let claims = json!({"aud": origin, "exp": at + HOLDS, "sub": contact});
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.signs).map_err(VapidError::Sign)?;
        let mut value =
            HeaderValue::try_from(format!("vapid t={token}, k={}", self.public)).expect("base64url and dots");
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapidKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_once_it_was_kept_and_read() {
        let key = VapidKey::random();
        let read = VapidKey::read(key.private()).unwrap();
        assert_eq!((read.private(), read.public()), (key.private(), key.public()));
        assert_eq!(URL_SAFE_NO_PAD.decode(key.public()).unwrap().len(), 65);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        for text in ["", "short", "****", zero.as_str()] {
            assert!(VapidKey::read(text).is_err(), "{text}");
        }
    }
}
