//! The head of a frame: what is read before its type is known, and why it can't be read.

use serde_json::Value;
use tidings_wire::{Code, Head, Reject};

/// Reads the head alone.
pub(crate) fn read_head(json: &str) -> Result<Head<'_>, Reject> {
    // serde reads a struct from an array too, field by field: that is no frame.
    let is_object = json.trim_ascii_start().starts_with('{');
    serde_json::from_str(json).ok().filter(|_| is_object).ok_or_else(|| bad_head(json))
}

/// Why a frame has no head. Not on the hot path, so it may be read again.
fn bad_head(json: &str) -> Reject {
    if let Some(name) = twice(json) {
        return Reject::field(name, "it stands twice in the frame");
    }
    match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(fields)) => match fields.get("type") {
            None => Reject::new(Code::BadJson, "the frame has no \"type\""),
            Some(Value::String(_)) if fields.get("key").is_some_and(|key| !key.is_string() && !key.is_null()) => {
                Reject::field("key", "a key is a string of 1 to 64 bytes")
            }
            Some(Value::String(_)) => Reject::field("ref", "a ref is an integer"),
            Some(_) => Reject::field("type", "the type is a string"),
        },
        Ok(_) => Reject::new(Code::BadJson, "a frame is one JSON object"),
        Err(error) => Reject::new(Code::BadJson, format!("the frame is not JSON: {error}")),
    }
}

/// The name of the head's that stands twice, which a `Value` does not tell.
fn twice(json: &str) -> Option<&'static str> {
    let error = serde_json::from_str::<Head<'_>>(json).err()?.to_string();
    ["type", "ref", "key"].into_iter().find(|name| error.starts_with(&format!("duplicate field `{name}`")))
}

pub(crate) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(64)]
}

/// Reads a frame of the protocol's own.
///
/// # Errors
/// `bad_field`, naming the field.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Reject> {
    serde_json::from_str(json).map_err(|_| {
        let mut reader = serde_json::Deserializer::from_str(json);
        match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(error) => crate::registry::wrong_field(&error),
            Ok(_) => Reject::new(Code::BadJson, "the frame is not one JSON object"),
        }
    })
}
