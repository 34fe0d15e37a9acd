//! The names of ordered streams: `dm:2:7`, `group:5`.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{GroupId, IdError, UserId};

/// An ordered stream of kept messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConversationKey {
    /// Between two users, or a note to oneself. Made by [`ConversationKey::dm`], which puts the lower id first.
    Dm(UserId, UserId),
    /// Of a group's members.
    Group(GroupId),
}

/// A message's number in its stream: 1, 2, 3 … without a hole. 0 stands before the first.
pub type Seq = u64;

/// Why a text names no conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversationKeyError {
    /// Neither `dm:<a>:<b>` nor `group:<id>`.
    #[error("a conversation is written dm:<a>:<b> or group:<id>")]
    Malformed,
    /// One of its ids is none.
    #[error("a conversation's id is wrong")]
    Id(#[from] IdError),
    /// `dm:7:2` would be a second name of `dm:2:7`.
    #[error("the lower id of a dm comes first")]
    Order,
}

impl ConversationKey {
    /// The conversation of two users, in either order.
    pub fn dm(one: UserId, other: UserId) -> Self {
        Self::Dm(one.min(other), one.max(other))
    }

    /// The kind's word, which is bounded and so fit for a label: `dm` or `group`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Dm(..) => "dm",
            Self::Group(_) => "group",
        }
    }
}

impl fmt::Display for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dm(low, high) => write!(f, "dm:{low}:{high}"),
            Self::Group(group) => write!(f, "group:{group}"),
        }
    }
}

impl fmt::Debug for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ConversationKey {
    type Err = ConversationKeyError;

    fn from_str(text: &str) -> Result<Self, ConversationKeyError> {
        if let Some(group) = text.strip_prefix("group:") {
            return Ok(Self::Group(group.parse()?));
        }
        let pair = text.strip_prefix("dm:").ok_or(ConversationKeyError::Malformed)?;
        let (low, high) = pair.split_once(':').ok_or(ConversationKeyError::Malformed)?;
        let (low, high) = (low.parse()?, high.parse()?);
        if low > high { Err(ConversationKeyError::Order) } else { Ok(Self::Dm(low, high)) }
    }
}

impl Serialize for ConversationKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConversationKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for ConversationKey {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConversationKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(dm:[^:]+:[^:]+|group:[^:]+)$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_id_comes_first_and_integers_before_uuids() {
        let uuid: UserId = "0192f0c1-2b3c-7def-8abc-0123456789ab".parse().unwrap();
        assert_eq!(ConversationKey::dm(UserId::new(7), UserId::new(2)).to_string(), "dm:2:7");
        assert_eq!(ConversationKey::dm(uuid, UserId::new(7)).to_string(), format!("dm:7:{uuid}"));
        assert_eq!(ConversationKey::dm(UserId::new(7), UserId::new(7)).to_string(), "dm:7:7");
    }

    #[test]
    fn a_name_reads_back_and_a_wrong_one_says_why() {
        for name in ["dm:2:7", "dm:7:7", "group:5", "group:0192f0c1-2b3c-7def-8abc-0123456789ab"] {
            assert_eq!(name.parse::<ConversationKey>().unwrap().to_string(), name);
        }
        assert_eq!("dm:7:2".parse::<ConversationKey>(), Err(ConversationKeyError::Order));
        assert_eq!("dm:7".parse::<ConversationKey>(), Err(ConversationKeyError::Malformed));
        assert_eq!("room:7".parse::<ConversationKey>(), Err(ConversationKeyError::Malformed));
        assert!(matches!("group:x".parse::<ConversationKey>(), Err(ConversationKeyError::Id(_))));
    }
}
