//! Ids of messages: 63 bits, ordered by time, unique over nodes.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A message's id: 41 bits of milliseconds since 2024-01-01T00:00:00Z, 10 bits of node, 12 bits of counter (the layout
/// of Twitter's Snowflake). Written as a decimal string, because JavaScript's numbers end at 2^53.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(i64);

/// 2024-01-01T00:00:00Z in Unix milliseconds: 41 bits last until the year 2093.
const EPOCH_MS: i64 = 1_704_067_200_000;
const NODE_BITS: u32 = 10;
const COUNTER_BITS: u32 = 12;

/// The text is no message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message id must be a string of digits below 2^63")]
pub struct MessageIdError;

impl MessageId {
    /// The id after `last` at `unix_ms` on `node` (0 to 1023): always above `last`, so a clock set back repeats none.
    pub fn after(last: Option<MessageId>, unix_ms: i64, node: u16) -> Self {
        let elapsed = (unix_ms - EPOCH_MS).clamp(0, (1 << 41) - 1);
        let mut next = elapsed << (NODE_BITS + COUNTER_BITS);
        if let Some(last) = last {
            // The counter is the lowest part: adding one to the (time, counter) pair of the last id carries into its time.
            let low = last.0 & ((1 << COUNTER_BITS) - 1);
            let time = last.0 >> (NODE_BITS + COUNTER_BITS);
            let following = ((time << COUNTER_BITS) | low) + 1;
            let spread =
                ((following >> COUNTER_BITS) << (NODE_BITS + COUNTER_BITS)) | (following & ((1 << COUNTER_BITS) - 1));
            next = next.max(spread);
        }
        Self(next | i64::from(node & ((1 << NODE_BITS) - 1)) << COUNTER_BITS)
    }

    /// The id as it is stored.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// When it was given, Unix milliseconds; later than that where the clock was set back before.
    pub const fn unix_ms(self) -> i64 {
        (self.0 >> (NODE_BITS + COUNTER_BITS)) + EPOCH_MS
    }

    /// The id of a stored value.
    ///
    /// # Errors
    /// [`MessageIdError`] below zero.
    pub const fn from_stored(value: i64) -> Result<Self, MessageIdError> {
        if value < 0 { Err(MessageIdError) } else { Ok(Self(value)) }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MessageIdError);
        }
        text.parse().map(Self).map_err(|_| MessageIdError)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for MessageId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MessageId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]{1,19}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_though_the_clock_is_set_back() {
        let mut last = None;
        for unix_ms in [EPOCH_MS + 5_000, EPOCH_MS + 5_000, EPOCH_MS + 1, EPOCH_MS - 9, EPOCH_MS + 5_001] {
            let next = MessageId::after(last, unix_ms, 3);
            assert!(Some(next) > last);
            last = Some(next);
        }
    }

    #[test]
    fn a_full_counter_goes_on_into_the_next_millisecond() {
        let mut last = MessageId::after(None, EPOCH_MS + 1, 1023);
        for _ in 0..10_000 {
            let next = MessageId::after(Some(last), EPOCH_MS + 1, 1023);
            assert!(next > last);
            assert_eq!((next.get() >> COUNTER_BITS) & 1023, 1023, "the node's bits stay");
            last = next;
        }
    }

    #[test]
    fn two_nodes_never_make_the_same_id() {
        let [one, two] = [1, 2].map(|node| MessageId::after(None, EPOCH_MS + 1, node));
        assert_ne!(one, two);
    }

    #[test]
    fn an_id_is_a_decimal_string_in_json() {
        let id = MessageId::after(None, EPOCH_MS + 1, 0);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<MessageId>(&format!("\"{id}\"")).unwrap(), id);
        assert!(serde_json::from_str::<MessageId>("\"-1\"").is_err());
    }
}
