//! What a connection speaks: the guide's types alone, or `tidings.v1`, which begins with a `hello`.

use std::time::Duration;

use serde::Deserialize;

use crate::load::{Introduction, LoadError};

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// The guide's: no subprotocol is asked for, and messages come at once.
    #[default]
    Guide,
    /// `tidings.v1`.
    V1,
}

impl Dialect {
    /// The header line of the upgrade that asks for it, with its line break (RFC 6455 section 11.3.4).
    #[must_use]
    pub fn line(self) -> &'static str {
        match self {
            Self::Guide => "",
            Self::V1 => "Sec-WebSocket-Protocol: tidings.v1\r\n",
        }
    }
}

/// A frame that the server of `tidings.v1` sends beside messages: what of it is looked at.
#[derive(Debug, Deserialize)]
pub struct Told<'a> {
    /// Such as `ack`.
    pub r#type: &'a str,
    /// The `ref` that it answers.
    #[serde(default, rename = "ref")]
    pub reference: Option<u64>,
    /// The number of a user.
    #[serde(default)]
    pub user: Option<u64>,
    /// The place in its stream.
    #[serde(default)]
    pub seq: Option<u64>,
    /// Of a `presence`.
    #[serde(default)]
    pub online: Option<bool>,
    /// Of a `resumed`: the streams that did not fit.
    #[serde(default)]
    pub behind: Vec<serde::de::IgnoredAny>,
}

impl<'a> Told<'a> {
    /// Reads a payload; `None` when it is no such object.
    #[must_use]
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// Whether it ends a greeting whose `hello` had this `ref`, with nothing left behind.
    #[must_use]
    pub fn is_resumed(&self, reference: u64) -> bool {
        self.r#type == "resumed" && self.reference == Some(reference) && self.behind.is_empty()
    }
}

/// The `ref` of each `hello`.
pub const HELLO: u64 = 1;

/// A `hello` that resumes nothing, answered by `welcome` and `resumed`.
pub struct Greeting {
    first_user: usize,
    welcomed: Vec<bool>,
}

impl Greeting {
    /// For so many users from this number on.
    #[must_use]
    pub fn new(first_user: usize, users: usize) -> Self {
        Self { first_user, welcomed: vec![false; users] }
    }
}

impl Introduction for Greeting {
    fn first(&mut self, _: usize, text: &mut Vec<u8>) {
        text.extend_from_slice(format!(r#"{{"type":"hello","ref":{HELLO}}}"#).as_bytes());
    }

    fn heard(&mut self, index: usize, payload: &[u8], _: Duration) -> Result<bool, LoadError> {
        let user = (self.first_user + index) as u64;
        let told = Told::read(payload).ok_or_else(|| LoadError::unexpected(index, payload))?;
        match self.welcomed[index] {
            false if told.r#type == "welcome" && told.reference == Some(HELLO) && told.user == Some(user) => {
                self.welcomed[index] = true;
                Ok(false)
            }
            true if told.is_resumed(HELLO) => Ok(true),
            _ => Err(LoadError::unexpected(index, payload)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(greeting: &mut Greeting, text: &str) -> Result<bool, String> {
        greeting.heard(1, text.as_bytes(), Duration::ZERO).map_err(|error| error.to_string())
    }

    #[test]
    fn a_greeting_is_a_welcome_of_the_right_user_and_then_resumed() {
        let mut greeting = Greeting::new(7, 2);
        assert_eq!(hear(&mut greeting, r#"{"type":"welcome","ref":1,"user":8,"conversations":[]}"#), Ok(false));
        assert_eq!(hear(&mut greeting, r#"{"type":"resumed","ref":1,"behind":[]}"#), Ok(true));
    }

    #[test]
    fn a_greeting_out_of_order_of_another_user_or_with_streams_left_behind_is_refused() {
        for texts in [
            &[r#"{"type":"resumed","ref":1,"behind":[]}"#][..],
            &[r#"{"type":"welcome","ref":1,"user":7}"#],
            &[r#"{"type":"welcome","ref":2,"user":8}"#],
            &[r#"{"type":"welcome","ref":1,"user":8}"#, r#"{"type":"resumed","ref":1,"behind":[{"head":3}]}"#],
            &[r#"{"type":"welcome","ref":1,"user":8}"#, r#"{"type":"welcome","ref":1,"user":8}"#],
            &["no JSON"],
        ] {
            let mut greeting = Greeting::new(7, 2);
            assert!(texts.iter().any(|text| hear(&mut greeting, text).is_err()), "{texts:?}");
        }
    }
}
