//! A refusal, as a handler gives it and a client reads it.

use std::{borrow::Cow, fmt, time::Duration};

use crate::{
    Code,
    server_frames::{Frame, Refused},
};

/// Why something was refused: a stable code for programs, a sentence for people that says what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The stable code.
    pub code: Code,
    /// A sentence that is safe to show to the sender.
    pub message: Cow<'static, str>,
    /// The path of the wrong field, like `data.kind`.
    pub field: Option<Cow<'static, str>>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Reject {
    /// A refusal without a field or a time.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None }
    }

    /// A field is missing or wrong.
    pub fn field(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..Self::new(Code::BadField, message) }
    }

    /// The sender may not do this.
    pub fn not_allowed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotAllowed, message)
    }

    /// It does not exist, or the asker may not know that it does.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// The sender is not a member of the group; the same whether it exists or not.
    pub fn not_a_member() -> Self {
        Self::new(Code::NotAMember, "you are not a member of this group")
    }

    /// Not known to be stored; try again after `retry_after`.
    pub fn unavailable(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Code::Unavailable, "not known to be stored: repeat it with the same key")
        }
    }

    /// The wait in milliseconds, at least 1 where there is one.
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after.map(|wait| (wait.as_millis() as u64).max(1))
    }

    /// The sentence, cut at 1,000 bytes: a handler may quote what the client sent.
    pub fn sentence(&self) -> &str {
        &self.message[..self.message.floor_char_boundary(1_000)]
    }

    /// The `error` frame: `{"type":"error","ref":…,"code":…,"message":…,"retry_after_ms":…,"field":…}`.
    pub fn to_json(&self, reference: Option<i64>) -> Vec<u8> {
        let frame = Refused {
            reference,
            code: self.code,
            message: self.sentence().to_owned(),
            retry_after_ms: self.retry_after_ms(),
            field: self.field.as_deref().map(str::to_owned),
        };
        Frame::to_json(&frame)
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Reject {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_never_longer_than_a_sentence() {
        let reject = Reject::not_allowed("ü".repeat(100_000));
        assert_eq!(reject.sentence().len(), 1_000);
        assert!(reject.to_json(None).len() < 1_100);
    }

    #[test]
    fn an_error_frame_names_only_what_it_knows() {
        let reject = Reject::field("to", "say whom");
        assert_eq!(
            String::from_utf8(reject.to_json(None)).unwrap(),
            r#"{"type":"error","code":"bad_field","message":"say whom","field":"to"}"#
        );
        let limited = Reject { retry_after: Some(Duration::from_micros(3)), ..Reject::new(Code::Limited, "slower") };
        assert_eq!(
            String::from_utf8(limited.to_json(Some(2))).unwrap(),
            r#"{"type":"error","ref":2,"code":"limited","message":"slower","retry_after_ms":1}"#
        );
    }
}
