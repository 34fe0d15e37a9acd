//! Ids of users, groups and posts: 128 bits, `Copy`, opaque outside this file.
//!
//! A value below 2^63 reads and writes as an integer, any other as a UUID (RFC 9562), in JSON and in SQL alike, so an app
//! with either kind needs no setting. Ids order as their 128-bit values: integers come before UUIDs.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A 128-bit id in two halves, the high one first.
///
/// Two `u64`, not a `u128`: alignment 16 would make an `Option<UserId>` 32 bytes long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u64; 2]);

/// The form that an [`Id`] has outside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A value from 0 to 2^63 − 1.
    Integer(i64),
    /// The 16 bytes of a UUID, most significant first.
    Uuid([u8; 16]),
}

/// Why a text or a number is no id. The sentence says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Below zero.
    #[error("an id must not be negative")]
    Negative,
    /// From 2^63 on there are no integer ids.
    #[error("an integer id must be below 9223372036854775808 (2^63)")]
    TooLarge,
    /// A UUID whose value is below 2^63 would be an integer's second name.
    #[error("a UUID whose value is below 2^63 (the nil UUID too) is not an id: write the integer")]
    LowUuid,
    /// Neither an integer nor a UUID.
    #[error("an id must be an integer, a string of digits or a UUID like 0192f0c1-2b3c-7def-8abc-0123456789ab")]
    Malformed,
}

/// Integers up to this value are written as JSON numbers, larger ones as strings of digits: 2^53 − 1 is the largest that
/// every JSON reader keeps exact (RFC 8259 §6).
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

impl Id {
    /// The id of an integer from 0 to 2^63 − 1.
    ///
    /// # Errors
    /// [`IdError::Negative`] below 0.
    pub const fn from_integer(value: i64) -> Result<Self, IdError> {
        if value < 0 { Err(IdError::Negative) } else { Ok(Self([0, value.cast_unsigned()])) }
    }

    /// The id of a UUID's 16 bytes, most significant first.
    ///
    /// # Errors
    /// [`IdError::LowUuid`] where the value is below 2^63.
    pub fn from_uuid(bytes: [u8; 16]) -> Result<Self, IdError> {
        let value = u128::from_be_bytes(bytes);
        if value < 1 << 63 {
            return Err(IdError::LowUuid);
        }
        Ok(Self([(value >> 64) as u64, value as u64]))
    }

    /// The form in which the id is shown and stored.
    pub const fn form(self) -> Form {
        let [high, low] = self.0;
        if high == 0 && low < 1 << 63 {
            return Form::Integer(low.cast_signed());
        }
        Form::Uuid((((high as u128) << 64) | low as u128).to_be_bytes())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form() {
            Form::Integer(value) => write!(f, "{value}"),
            Form::Uuid(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = IdError;

    /// Reads a string of digits as an integer, the 36-character form of a UUID as a UUID.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
            if bytes.len() > 1 && bytes[0] == b'0' {
                return Err(IdError::Malformed);
            }
            return text.parse::<i64>().map_err(|_| IdError::TooLarge).and_then(Self::from_integer);
        }
        if bytes.len() > 1 && bytes[0] == b'-' && bytes[1..].iter().all(u8::is_ascii_digit) {
            return Err(IdError::Negative);
        }
        Self::from_uuid(parse_uuid(bytes).ok_or(IdError::Malformed)?)
    }
}

/// Reads the hyphenated form of RFC 9562 §4, in either case.
fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut digits = text.iter().filter(|&&byte| byte != b'-').map(|&byte| (byte as char).to_digit(16));
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = (digits.next()?? << 4 | digits.next()??) as u8;
    }
    digits.next().is_none().then_some(bytes)
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.form() {
            Form::Integer(value) if value <= MAX_SAFE_INTEGER => serializer.serialize_i64(value),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: an integer, a string of digits or a UUID")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Id, E> {
                Id::from_integer(value).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Id, E> {
                i64::try_from(value).map_err(|_| IdError::TooLarge).and_then(Id::from_integer).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An integer from 0 to 2^63 - 1 (above 2^53 - 1 as a string of digits) or a UUID.",
            "oneOf": [
                {"type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_i64},
                {"type": "string", "pattern": "^([0-9]{1,19}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"}
            ]
        })
    }
}

/// Makes a newtype of [`Id`] that reads and writes as the id does.
macro_rules! id_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Id);

        impl $name {
            /// The id of an integer.
            ///
            /// # Panics
            /// Never: every `u32` is an id. Larger integers and UUIDs go through [`Id`] or [`str::parse`].
            pub const fn new(value: u32) -> Self {
                Self(Id([0, value as u64]))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self)
            }
        }

        impl From<Id> for $name {
            fn from(id: Id) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Id {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                Id::json_schema(generator)
            }
        }
    };
}

id_newtype! {
    /// A person.
    UserId
}
id_newtype! {
    /// A group of users with one conversation.
    GroupId
}
id_newtype! {
    /// A post, owned by a user.
    PostId
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UUID: &str = "0192f0c1-2b3c-7def-8abc-0123456789ab";

    #[test]
    fn an_id_comes_back_in_the_form_it_had() {
        for json in
            ["0", "7", "9007199254740991", r#""9007199254740992""#, r#""9223372036854775807""#, &format!("{UUID:?}")]
        {
            let id: Id = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
        }
        assert_eq!(serde_json::from_str::<Id>(r#""42""#).unwrap(), Id::from_integer(42).unwrap());
    }

    #[test]
    fn each_bad_id_gets_its_own_sentence() {
        let cases = [
            ("-1", IdError::Negative),
            ("9223372036854775808", IdError::TooLarge),
            ("18446744073709551616", IdError::TooLarge),
            ("00000000-0000-0000-0000-000000000000", IdError::LowUuid),
            ("00000000-0000-0000-7fff-ffffffffffff", IdError::LowUuid),
            ("", IdError::Malformed),
            ("007", IdError::Malformed),
            ("seven", IdError::Malformed),
            ("0192f0c1-2b3c-7def-8abc-0123456789a", IdError::Malformed),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Id>(), Err(error), "{text}");
        }
        for json in ["-1", "9223372036854775808", "1.5", "true", "null", "[]"] {
            assert!(serde_json::from_str::<Id>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_optional_id_stays_small() {
        assert_eq!(size_of::<Option<UserId>>(), 24);
    }

    proptest! {
        #[test]
        fn text_and_json_read_back(high: u64, low: u64) {
            let value = (u128::from(high) << 64) | u128::from(low);
            if let Ok(id) = Id::from_uuid(value.to_be_bytes()) {
                prop_assert_eq!(id.to_string().parse(), Ok(id));
                prop_assert_eq!(serde_json::from_str::<Id>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
            }
        }

        #[test]
        fn integers_come_before_uuids(integer in 0..=i64::MAX, high in 1..=u64::MAX, low: u64) {
            let uuid = Id::from_uuid(((u128::from(high) << 64) | u128::from(low)).to_be_bytes()).unwrap();
            prop_assert!(Id::from_integer(integer).unwrap() < uuid);
        }
    }
}
