//! Ids as clients see them.

use serde_json::Value;

/// An id as the protocol writes it: an integer up to 2^53 - 1, otherwise a string.
pub(crate) fn id(text: &str) -> Value {
    match text.parse::<u64>() {
        Ok(number) if number < 1 << 53 => number.into(),
        _ => text.into(),
    }
}
