//! `private`: from one user to another.
//!
//! ```
//! # use tidings_chat::Private;
//! let private: Private = serde_json::from_str(r#"{"to":2,"content":"hi","data":{"mood":"sunny"},"reply_to":41}"#)?;
//! # Ok::<(), serde_json::Error>(())
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, FreeObject, Keep, Limit, Me, Message, Sender, Seq, Text, UserId};

/// A message to one user, heard on their every connection and on the sender's other ones; kept for ever in `dm:<a>:<b>`. To
/// oneself it is a note for one's other devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Private {
    /// For whom.
    pub to: UserId,
    /// The text, bounded by the frame.
    pub content: Text,
    /// Free JSON of the app, at most 8 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<FreeObject>,
    /// The seq of the message in this conversation that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
}

impl Message for Private {
    const TYPE: &'static str = "private";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::per_minute(120);

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to).me(Me::OtherConnections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reaches_the_other_and_the_senders_other_connections() {
        let private: Private = serde_json::from_str(r#"{"to":2,"content":"hi"}"#).unwrap();
        let audience = private.audience(&Sender::user_only(UserId::new(7)));
        assert_eq!(audience, Audience::user(UserId::new(2)).me(Me::OtherConnections));
    }

    #[test]
    fn what_was_not_said_is_not_written() {
        let json = r#"{"to":2,"content":"hi"}"#;
        let private: Private = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&private).unwrap(), json);
    }
}
