//! What a client resumes: conversations, and its user's inbox.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{ConversationKey, ConversationKeyError};

/// A stream that a client resumes: a conversation, or the inbox of its user, which is written `inbox`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKey {
    /// A stream of messages.
    Conversation(ConversationKey),
    /// The stream of changes in the inbox.
    Inbox,
}

const INBOX: &str = "inbox";

impl From<ConversationKey> for StreamKey {
    fn from(conversation: ConversationKey) -> Self {
        Self::Conversation(conversation)
    }
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(conversation) => conversation.fmt(f),
            Self::Inbox => f.write_str(INBOX),
        }
    }
}

impl FromStr for StreamKey {
    type Err = ConversationKeyError;

    fn from_str(text: &str) -> Result<Self, ConversationKeyError> {
        if text == INBOX { Ok(Self::Inbox) } else { text.parse().map(Self::Conversation) }
    }
}

impl Serialize for StreamKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for StreamKey {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StreamKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(dm:[^:]+:[^:]+|group:[^:]+|inbox)$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_conversation_or_the_inbox() {
        for name in ["dm:2:7", "group:5", "inbox"] {
            assert_eq!(name.parse::<StreamKey>().unwrap().to_string(), name);
        }
        assert_eq!("inbox".parse::<StreamKey>(), Ok(StreamKey::Inbox));
        assert_eq!("outbox".parse::<StreamKey>(), Err(ConversationKeyError::Malformed));
    }
}
