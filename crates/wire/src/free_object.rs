//! A bounded JSON object that an app may fill as it likes.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Map, Value, value::RawValue};

/// Free JSON under a name of its own: an object of at most 8 KiB as the server writes it.
///
/// It is held as the text that was received, and goes out as that text: numbers keep all their digits, and keys their order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct FreeObject(#[schemars(with = "Map<String, Value>")] Box<RawValue>);

impl FreeObject {
    /// The bound, in bytes of JSON as received, white space within included. Beyond it `bad_field` is answered.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// The object's text.
    pub fn get(&self) -> &RawValue {
        &self.0
    }
}

impl Default for FreeObject {
    /// `{}`.
    fn default() -> Self {
        Self(RawValue::from_string("{}".to_owned()).expect("an empty object is JSON"))
    }
}

/// By text: the same members in another order are another object.
impl PartialEq for FreeObject {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl<'de> Deserialize<'de> for FreeObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let bytes = text.get().len();
        if bytes > Self::MAX_BYTES {
            return Err(D::Error::custom(format!("{bytes} bytes of free JSON, at most {} are taken", Self::MAX_BYTES)));
        }
        // Raw text was only skimmed. Half surrogates, numbers beyond any double and nesting without end would break those who
        // read it, so it is read once here; serde's place counts from the object's own start and would mislead.
        serde_json::from_str::<Map<String, Value>>(text.get()).map_err(|error| {
            let sentence = error.to_string();
            D::Error::custom(sentence.rsplit_once(" at line ").map_or(&*sentence, |(sentence, _)| sentence))
        })?;
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_json_is_an_object_of_at_most_8_kib() {
        assert!(serde_json::from_str::<FreeObject>(r#"{"a":[1,{"b":null}]}"#).is_ok());
        assert!(serde_json::from_str::<FreeObject>("[1]").is_err());
        let fits = format!(r#"{{"a":"{}"}}"#, "x".repeat(FreeObject::MAX_BYTES - 8));
        assert_eq!(fits.len(), FreeObject::MAX_BYTES);
        assert!(serde_json::from_str::<FreeObject>(&fits).is_ok());
        let over = format!(r#"{{"a":"{}"}}"#, "x".repeat(FreeObject::MAX_BYTES - 7));
        assert!(serde_json::from_str::<FreeObject>(&over).unwrap_err().to_string().contains("at most 8192"));
    }

    /// A type's message, as apps write them.
    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Note {
        data: FreeObject,
    }

    #[test]
    fn free_json_comes_back_byte_for_byte() {
        let json = r#"{"data":{"b":12345678901234567890123,"a":1.10, "a":[ ]}}"#;
        let note: Note = serde_json::from_slice(json.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&note).unwrap(), json);
        assert_eq!(note.data.get().get(), &json[8..json.len() - 1]);
        assert_eq!(serde_json::to_string(&Note::default()).unwrap(), r#"{"data":{}}"#);
    }

    #[test]
    fn what_readers_would_stumble_over_is_refused() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        for (json, says) in [
            ("[1]", "invalid type: sequence, expected a map"),
            ("5", "invalid type: integer `5`, expected a map"),
            (r#""x""#, "invalid type: string"),
            ("null", "invalid type: null"),
            (r#"{"a":"\ud800"}"#, "hex escape"),
            (r#"{"a":1e999}"#, "number out of range"),
            (&deep, "recursion limit"),
        ] {
            let error = serde_json::from_str::<Note>(&format!(r#"{{"data":{json}}}"#)).unwrap_err().to_string();
            assert!(error.contains(says), "{json}: {error}");
        }
    }

    #[test]
    fn its_schema_is_any_object() {
        let schema = schemars::schema_for!(FreeObject).to_value();
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&"object".into(), &true.into()));
    }
}
