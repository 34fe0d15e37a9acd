//! A bounded JSON object that an app may fill as it likes.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Free JSON under a name of its own: an object of at most 8 KiB as the server writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct FreeObject(serde_json::Map<String, serde_json::Value>);

impl FreeObject {
    /// The bound, in bytes of compact JSON. Beyond it `bad_field` is answered.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// The object.
    pub fn get(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0
    }
}

impl<'de> Deserialize<'de> for FreeObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = serde_json::Map::deserialize(deserializer)?;
        let bytes = serde_json::to_vec(&map).map_err(D::Error::custom)?.len();
        if bytes > Self::MAX_BYTES {
            return Err(D::Error::custom(format!("{bytes} bytes of free JSON, at most {} are taken", Self::MAX_BYTES)));
        }
        Ok(Self(map))
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
}
