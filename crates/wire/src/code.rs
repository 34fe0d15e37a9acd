//! The stable codes of refusals and of closed connections. `protocol/codes.json` is made from the tables here.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Makes an enum of codes with the table from which documentation and golden files come.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $status:literal;)+) => {
        /// Why something was refused. The text never changes once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code, in the order of the protocol's list.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code as it stands in frames and problem documents.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// The HTTP status that carries the code (RFC 9110 §15).
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)+ }
            }

            /// What the code says, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The frame or body is not a JSON object with a `type`.
    BadJson = "bad_json", 400;
    /// A field is missing or has the wrong form; `field` names it.
    BadField = "bad_field", 422;
    /// No message type of this name is registered.
    UnknownType = "unknown_type", 404;
    /// The sender may not do this; the message names the setting, where one allows it.
    NotAllowed = "not_allowed", 403;
    /// It does not exist, or the asker may not know that it does.
    NotFound = "not_found", 404;
    /// The sender is not a member of the group, whether the group exists or not.
    NotAMember = "not_a_member", 403;
    /// Too many in too short a time; `retry_after_ms` says when to try again.
    Limited = "limited", 429;
    /// More bytes than the limit.
    TooLarge = "too_large", 413;
    /// The key was used for another message.
    KeyReused = "key_reused", 409;
    /// Not known to be stored: repeat with the same key after `retry_after_ms`.
    Unavailable = "unavailable", 503;
    /// The feature is switched off in this deployment.
    NotEnabled = "not_enabled", 501;
    /// No identity, or one that was refused.
    Unauthorized = "unauthorized", 401;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes the table of WebSocket close codes (RFC 6455 §7.4).
macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $reason:literal;)+) => {
        /// Why the server closed a connection: codes of RFC 6455 §7.4.1, and from 4400 on Tidings' own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CloseCode { $($(#[doc = $doc])+ $name,)+ }

        impl CloseCode {
            /// Every close code, ascending.
            pub const ALL: &'static [CloseCode] = &[$(CloseCode::$name,)+];

            /// The number in the close frame.
            pub const fn code(self) -> u16 {
                match self { $(CloseCode::$name => $code,)+ }
            }

            /// The reason in the close frame, also a bounded label for metrics.
            pub const fn reason(self) -> &'static str {
                match self { $(CloseCode::$name => $reason,)+ }
            }

            /// What the code says, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(CloseCode::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

close_codes! {
    /// The peer closed, and the server answers.
    Normal = 1000, "normal";
    /// The peer was silent for too long, or the server is going away.
    GoingAway = 1001, "going_away";
    /// The peer broke RFC 6455 or the protocol.
    Protocol = 1002, "protocol_error";
    /// Binary frames are not taken.
    Binary = 1003, "binary_not_taken";
    /// A text frame or close reason is not UTF-8.
    NotUtf8 = 1007, "not_utf8";
    /// A message is larger than the limit.
    TooLarge = 1009, "too_large";
    /// The server restarts: come back.
    Restart = 1012, "restart";
    /// No identity, or one that was refused.
    Unauthorized = 4401, "unauthorized";
    /// The token's time is over.
    Expired = 4402, "expired";
    /// The user was signed out everywhere.
    Revoked = 4403, "revoked";
    /// No `hello` came in time.
    NoHello = 4408, "no_hello";
    /// The reader did not keep up; what was kept is found by resume.
    SlowReader = 4409, "slow_reader";
    /// The user or address has too many connections.
    TooManyConnections = 4429, "too_many_connections";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_and_writes_as_its_text() {
        for &code in Code::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
            assert!(!code.meaning().is_empty() && (400..600).contains(&code.status()));
        }
    }

    #[test]
    fn close_codes_ascend_and_are_sendable() {
        assert!(CloseCode::ALL.is_sorted_by_key(|code| code.code()));
        for code in CloseCode::ALL {
            assert!(matches!(code.code(), 1000..=1003 | 1007..=1014 | 4000..=4999), "{code:?}");
            assert!(code.reason().len() <= 123, "RFC 6455 §5.5 bounds control payloads");
        }
    }
}
