//! What tells a repeat from another message under the same key.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tidings_wire::{Code, ENVELOPE_FIELDS, Reject};

use crate::act::BodyHash;

/// SHA-256 of the received fields as canonical JSON (names sorted at every depth, no white space) without the envelope. Of a service,
/// which may say who hears it, with the audience.
pub(crate) fn body_hash(json: &str, of_service: bool) -> Result<BodyHash, Reject> {
    let fields: BTreeMap<String, Value> =
        serde_json::from_str(json).map_err(|error| Reject::new(Code::BadJson, error.to_string()))?;
    let mut canonical = Vec::with_capacity(json.len());
    let told = |name: &str| name == "type" || (of_service && name == "audience") || !ENVELOPE_FIELDS.contains(&name);
    for (name, value) in fields.iter().filter(|(name, _)| told(name)) {
        canonicalise(&Value::from(name.as_str()), &mut canonical);
        canonicalise(value, &mut canonical);
    }
    let digest: [u8; 32] = Sha256::digest(&canonical).into();
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    Ok(hash)
}

/// Writes a value with the names of its objects sorted, whatever order the map keeps.
fn canonicalise(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            out.push(b'{');
            for (name, value) in sorted {
                canonicalise(&Value::from(name.as_str()), out);
                canonicalise(value, out);
            }
            out.push(b'}');
        }
        Value::Array(values) => {
            out.push(b'[');
            values.iter().for_each(|value| canonicalise(value, out));
            out.push(b']');
        }
        // Strings carry their quotes, so that no two sequences of plain values are written alike.
        plain => out.extend_from_slice(format!("{plain},").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_known_whatever_the_order_of_its_fields() {
        let first =
            body_hash(r#"{"type":"private","to":2,"data":{"a":1,"b":[1,2]},"key":"k","ref":1}"#, false).unwrap();
        let again = body_hash(r#"{"ref":9,"data":{"b":[1,2],"a":1},"to":2, "type":"private"}"#, false).unwrap();
        assert_eq!(first, again);
        for other in [
            r#"{"type":"private","to":3,"data":{"a":1,"b":[1,2]}}"#,
            r#"{"type":"private","to":2,"data":{"a":1,"b":[12]}}"#,
            r#"{"type":"group","to":2,"data":{"a":1,"b":[1,2]}}"#,
        ] {
            assert_ne!(first, body_hash(other, false).unwrap());
        }
    }
}
