//! Values that fit a schema: what the documentation of a type shows.

use serde_json::{Map, Value, json};

/// Values for text whose form only a pattern tells, tried one after the other until the type takes the whole.
const TEXTS: [&str; 6] = ["score:4", "dm:1:2", "group:5", "1024", "a", "A"];

/// How deep schemas are followed: deeper ones lead back to themselves.
const DEPTH: u32 = 16;

/// Objects that may fit the schema of a type: its own examples first. Whether one does, the type itself says.
pub(super) fn candidates(schema: &Value) -> impl Iterator<Item = Value> + '_ {
    let own = schema["examples"].as_array().into_iter().flatten().cloned();
    let made = TEXTS.into_iter().filter_map(move |text| Maker { root: schema, text, next: 2 }.make(schema, DEPTH));
    own.chain(made)
}

/// Makes one value.
struct Maker<'a> {
    root: &'a Value,
    text: &'static str,
    /// Each number is another one, so that who reads an audience can tell which field an id is from.
    next: u64,
}

impl Maker<'_> {
    fn make(&mut self, schema: &Value, depth: u32) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let given = [schema.pointer("/examples/0"), schema.get("const"), schema.pointer("/enum/0")];
        if let Some(value) = given.into_iter().flatten().next() {
            return Some(value.clone());
        }
        if let Some(path) = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
            return self.make(self.root.pointer(path)?, depth);
        }
        let choices = [&schema["oneOf"], &schema["anyOf"]].into_iter().filter_map(Value::as_array).flatten();
        for choice in choices.filter(|choice| choice["type"] != "null") {
            if let Some(value) = self.make(choice, depth) {
                return Some(value);
            }
        }
        self.of_kind(kind(schema), schema, depth)
    }

    fn of_kind(&mut self, kind: &str, schema: &Value, depth: u32) -> Option<Value> {
        match kind {
            "object" => self.object(schema, depth),
            "array" => {
                let count = schema["minItems"].as_u64().unwrap_or(1).min(100);
                let items = (0..count).map(|_| self.make(&schema["items"], depth));
                items.collect::<Option<Vec<_>>>().map(Value::from)
            }
            "string" => Some(json!(self.text(schema))),
            "integer" => Some(self.integer(schema)),
            "number" => Some(json!(schema["minimum"].as_f64().map_or(1.5, |least| least + 1.5))),
            "boolean" => Some(json!(true)),
            "null" => Some(Value::Null),
            // A schema that says nothing takes anything.
            _ => Some(json!({})),
        }
    }

    /// What must be there, and nothing else.
    fn object(&mut self, schema: &Value, depth: u32) -> Option<Value> {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let fields = required.map(|name| Some((name.to_owned(), self.make(&schema["properties"][name], depth)?)));
        fields.collect::<Option<Map<_, _>>>().map(Value::from)
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_f64().unwrap_or(0.0) as i64;
        let most = schema["maximum"].as_f64().map_or(i64::MAX, |most| most as i64);
        let number = i64::try_from(self.next).unwrap_or(i64::MAX).max(least).min(most);
        self.next += 1;
        json!(number)
    }

    fn text(&self, schema: &Value) -> String {
        let text = match schema["format"].as_str() {
            Some("date-time") => "2026-01-02T03:04:05Z",
            Some("date") => "2026-01-02",
            Some("time") => "03:04:05Z",
            Some("uuid") => "0192f0c1-2b3c-7def-8abc-0123456789ab",
            Some("uri") => "https://app.example/",
            Some("email") => "ann@app.example",
            _ if schema.get("pattern").is_some() => self.text,
            _ => "hi",
        };
        let least = schema["minLength"].as_u64().unwrap_or(0).min(1_000) as usize;
        let most = schema["maxLength"].as_u64().unwrap_or(1_000).min(1_000) as usize;
        let padded: String = text.chars().chain(std::iter::repeat('x')).take(least.max(text.len())).collect();
        padded.chars().take(most).collect()
    }
}

/// The first of its kinds that is not null.
fn kind(schema: &Value) -> &str {
    let mut kinds = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    schema["type"].as_str().or_else(|| kinds.find(|&kind| kind != "null")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(schema: Value) -> Value {
        candidates(&schema).next().unwrap()
    }

    #[test]
    fn what_must_be_there_is_there_and_within_its_bounds() {
        let schema = json!({
            "type": "object",
            "properties": {
                "to": {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]},
                "and": {"type": "integer", "minimum": 100},
                "small": {"type": ["integer", "null"], "maximum": 1},
                "colour": {"enum": ["red", "green"]},
                "long": {"type": "string", "minLength": 4},
                "short": {"type": "string", "maxLength": 1},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
                "maybe": {"type": "boolean"},
            },
            "required": ["to", "and", "small", "colour", "long", "short", "parts"],
            "$defs": {"Part": {"type": "object", "properties": {"at": {"format": "date"  , "type": "string"}}, "required": ["at"]}},
        });
        let expected = json!({
            "to": 2, "and": 100, "small": 1, "colour": "red", "long": "hixx", "short": "h", "parts": [{"at": "2026-01-02"}],
        });
        assert_eq!(first(schema), expected);
    }

    #[test]
    fn an_example_of_the_types_own_comes_first() {
        let schema = json!({"type": "object", "properties": {"to": {"type": "integer"}}, "required": ["to"], "examples": [{"to": 41}]});
        assert_eq!(first(schema), json!({"to": 41}));
    }

    #[test]
    fn a_schema_that_needs_itself_gives_up() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        assert_eq!(candidates(&schema).count(), 0);
    }
}
