//! A client's text that goes out as it came in.

use std::{borrow::Cow, fmt};

use memchr::memchr;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A string that is only passed on: held as the JSON text that was received, so that it is neither unescaped nor escaped
/// again. That halves what a message's content costs. In JSON and in schemas it is a plain string.
///
/// ```
/// use tidings_wire::Text;
///
/// let text: Text = serde_json::from_str(r#""Zoë said \"hi\"""#)?;
/// assert_eq!(text.to_str(), "Zoë said \"hi\"");
/// assert_eq!(text, Text::from("Zoë said \"hi\""));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, JsonSchema)]
#[schemars(inline)]
pub struct Text(#[schemars(with = "String")] Box<RawValue>);

impl Text {
    /// What it says. Borrowed, unless something in it is escaped.
    pub fn to_str(&self) -> Cow<'_, str> {
        let json = self.0.get();
        match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
            _ => Cow::Owned(serde_json::from_str(json).expect("it was read as a string when it was made")),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(serde_json::value::to_raw_value(text).expect("a string is JSON"))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// By what they say: `"\u0041"` is `"A"`.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get() || self.to_str() == other.to_str()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        // Raw text was only skimmed: it may be no string, and an escape may stand for half a character.
        if !json.get().starts_with('"') || memchr(b'\\', json.get().as_bytes()).is_some() {
            let text: String = serde_json::from_str(json.get()).map_err(|error| {
                let sentence = error.to_string();
                serde::de::Error::custom(sentence.rsplit_once(" at line ").map_or(&*sentence, |(sentence, _)| sentence))
            })?;
            return Ok(Self::from(text));
        }
        Ok(Self(json))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_string_is_refused_as_it_would_be_of_a_string() {
        for json in ["5", "null", "{}", "[\"a\"]", "true", r#""\ud800""#, r#""\x""#, "\"tab\there\"", "\"open"] {
            let (text, string) = (serde_json::from_str::<Text>(json), serde_json::from_str::<String>(json));
            assert!(text.is_err() && string.is_err(), "{json}");
        }
        let error = serde_json::from_str::<Text>("5").unwrap_err().to_string();
        assert!(error.starts_with("invalid type: integer `5`, expected a string"), "{error}");
    }

    #[test]
    fn its_schema_is_a_strings() {
        assert_eq!(schemars::schema_for!(Text).to_value()["type"], "string");
    }

    proptest! {
        #[test]
        fn it_says_what_a_string_says_and_is_written_so_that_it_reads_the_same(text in any::<String>()) {
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            for json in [serde_json::to_string(&text).unwrap(), format!("\"{escaped}\"")] {
                let read: Text = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(&read.to_str(), &text);
                prop_assert_eq!(&read, &Text::from(text.as_str()));
                let written = serde_json::to_string(&read).unwrap();
                prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text.clone());
            }
        }
    }
}
