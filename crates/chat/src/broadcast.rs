//! `broadcast`: from a service to everyone.
//!
//! ```
//! # use tidings_chat::Broadcast;
//! let broadcast: Broadcast = serde_json::from_str(r#"{"content":"back in five minutes"}"#)?;
//! # Ok::<(), serde_json::Error>(())
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, FreeObject, Limit, Me, Message, Sender, Senders, Text};

/// A message to every connection, the sender's too; not kept. Services send it; users only where the configuration says
/// `[types.broadcast] senders = "users"`, or with `--dev`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Broadcast {
    /// The text, bounded by the frame.
    pub content: Text,
    /// Free JSON of the app, at most 8 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<FreeObject>,
}

impl Message for Broadcast {
    const TYPE: &'static str = "broadcast";
    const SENDERS: Senders = Senders::Service;
    /// For users where they may send it: each one is work for every connection.
    const LIMIT: Limit = Limit::per_minute(20);

    fn audience(&self, _: &Sender) -> Audience {
        Audience::everyone().me(Me::EveryConnection)
    }
}

#[cfg(test)]
mod tests {
    use tidings_wire::UserId;

    use super::*;

    #[test]
    fn it_reaches_every_connection_the_sending_one_too() {
        let broadcast: Broadcast = serde_json::from_str(r#"{"content":"hi"}"#).unwrap();
        let audience = broadcast.audience(&Sender::user_only(UserId::new(7)));
        assert_eq!(audience, Audience::everyone().me(Me::EveryConnection));
    }
}
