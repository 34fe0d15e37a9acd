//! Whether a type's schema can stand beside the envelope.

use serde_json::Value;
use tidings_wire::ENVELOPE_FIELDS;

/// Checks the JSON Schema of a type's own fields: a plain object, open to unknown fields, without flattened maps and
/// without a name of the envelope.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let root = resolve(schema, schema);
    if root.get("type").and_then(Value::as_str) != Some("object") {
        return Err("its root must be a struct with named fields, not an enum, a map or a plain value".into());
    }
    for combined in ["oneOf", "anyOf", "allOf"] {
        if root.get(combined).is_some() {
            return Err(
                "its root must be one struct; put the enum or the flattened part into a field of its own".into()
            );
        }
    }
    match root.get("additionalProperties") {
        None => {}
        Some(Value::Bool(false)) => {
            return Err(
                "it refuses unknown fields: remove #[serde(deny_unknown_fields)], newer clients may send more".into()
            );
        }
        Some(_) => return Err("it flattens a map into its root: put the map into a field of its own".into()),
    }
    let Some(properties) = root.get("properties").and_then(Value::as_object) else { return Ok(()) };
    match ENVELOPE_FIELDS.iter().find(|&&name| properties.contains_key(name)) {
        Some(name) => Err(format!("the field `{name}` belongs to the envelope: rename it")),
        None => Ok(()),
    }
}

/// Follows a `$ref` at the root into `$defs`, once.
fn resolve<'a>(schema: &'a Value, all: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#"));
    target.and_then(|path| all.pointer(path)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::{JsonSchema, schema_for};

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    struct Plain {
        to: u32,
        data: BTreeMap<String, u8>,
    }

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    struct Closed {
        to: u32,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    struct Flattened {
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    enum Choice {
        One { a: u8 },
        Two { b: u8 },
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    struct Renamed {
        #[serde(rename = "from")]
        origin: u8,
    }

    #[test]
    fn only_plain_open_objects_without_the_envelopes_names_pass() {
        assert_eq!(check(schema_for!(Plain).as_value()), Ok(()));
        let cases = [
            (schema_for!(Closed), "deny_unknown_fields"),
            (schema_for!(Flattened), "flattens a map"),
            (schema_for!(Choice), "its root must be"),
            (schema_for!(Renamed), "`from`"),
            (schema_for!(u32), "its root must be"),
        ];
        for (schema, says) in cases {
            let problem = check(schema.as_value()).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}
