//! How a webhook is signed: Standard Webhooks, symmetric.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

/// What a webhook's secret begins with.
const PREFIX: &str = "whsec_";

/// The secret that signs webhooks.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

/// No secret of a webhook.
#[derive(Debug, thiserror::Error)]
#[error("a webhook's secret is `whsec_` and 24 to 64 bytes in base64: `openssl rand -base64 32` makes one")]
pub struct SecretError;

impl WebhookSecret {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// Where the rest is no base64 of 24 to 64 bytes.
    pub fn read(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(SecretError);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The header `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_libraries_of_standard_webhooks_do() {
        // Their tests' own vector.
        let secret = WebhookSecret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_can_be_guessed_or_is_none_is_refused() {
        for text in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_***", "whsec_"] {
            assert!(WebhookSecret::read(text).is_err(), "{text}");
        }
    }
}
