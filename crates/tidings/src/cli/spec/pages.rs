//! `tidings spec pages`: a page of documentation for each message type, in Markdown.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use tidings_wire::{Code, Keep, Senders};

use super::protocol::{MessageType, Protocol, is_id};
use crate::configuration::{Rate, TimeSpan};

/// The pages by the types' names.
pub(super) fn pages(protocol: &Protocol) -> Value {
    let pages = protocol.types.iter().map(|kind| (kind.info.name.to_owned(), json!(page(protocol, kind))));
    pages.collect::<Map<_, _>>().into()
}

fn page(protocol: &Protocol, kind: &MessageType) -> String {
    let name = kind.info.name;
    let description = kind.description();
    let mut page = format!(
        "# `{name}`\n\n<!-- Made by `cargo xtask generate` from the message type: change it there. -->\n\n{description}\n\n\
         | | |\n|---|---|\n"
    );
    for (what, says) in facts(kind) {
        let _ = writeln!(page, "| {what} | {} |", cell(&says));
    }
    page.push_str("\n## Fields\n\n| field | takes | must be there | meaning |\n|---|---|---|---|\n");
    rows(&mut page, &kind.schema, &kind.schema, "", 4);
    page.push_str("\n## Example\n\n");
    match &kind.told.example {
        Some(example) => {
            let sent = in_order(example);
            let sender = if kind.info.senders == Senders::Service { "service" } else { "client" };
            let _ = write!(page, "What a {sender} sends:\n\n```json\n{sent}\n```\n");
            let _ =
                write!(page, "\nWho hears it gets its fields with what the server adds: {}.\n", stamp(protocol, kind));
        }
        None => page.push_str("No value that the type takes could be made from its schema.\n"),
    }
    page.push_str("\n## Errors\n\n| code | when |\n|---|---|\n");
    for code in codes(kind) {
        let _ = writeln!(page, "| `{code}` | {} |", cell(code.meaning()));
    }
    if kind.told.handled {
        page.push_str("\nIts handler may refuse a message with a code of its own choice.\n");
    }
    page
}

/// What is said of the type as a whole.
fn facts(kind: &MessageType) -> Vec<(&'static str, String)> {
    let info = &kind.info;
    let name = info.name;
    let kept = match info.keep {
        Keep::Never => "no".to_owned(),
        Keep::Forever => format!("until it is deleted; `[types.{name}] keep` shortens it"),
        Keep::For(time) => format!("for {}; `[types.{name}] keep` shortens it", TimeSpan(time)),
    };
    let stream = if info.stream { "yes: of the one user or group that it goes to" } else { "no" };
    let senders = match info.senders {
        Senders::Users => "users, and services".to_owned(),
        Senders::Service => format!("services alone, unless `[types.{name}] senders = \"users\"`"),
    };
    let limit = match Rate(info.limit).to_string() {
        rate if rate == "none" => format!("none; `[types.{name}] limit` sets one"),
        rate => format!("{rate} for each user; `[types.{name}] limit` sets another"),
    };
    let rollout =
        format!("on for everybody; `[types.{name}] rollout` or `PUT /v1/types/{name}/rollout` switch it on for some");
    vec![
        ("who hears it", kind.heard_by()),
        ("kept", kept),
        ("in a conversation", stream.to_owned()),
        ("who may send it", senders),
        ("limit", limit),
        ("rollout", rollout),
        ("version", info.version.to_string()),
    ]
}

/// A row a field, those of inner objects behind their own.
fn rows(page: &mut String, root: &Value, schema: &Value, path: &str, depth: u32) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let schema = resolve(root, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let path = format!("{path}{name}");
        let meaning = field["description"].as_str().or(resolve(root, field)["description"].as_str());
        let meaning = cell(meaning.unwrap_or_default());
        let _ = writeln!(
            page,
            "| `{path}` | {} | {} | {meaning} |",
            cell(&takes(root, field)),
            if required { "yes" } else { "no" },
        );
        rows(page, root, field, &format!("{path}."), depth);
    }
    if schema.get("items").is_some() {
        rows(page, root, &schema["items"], &format!("{}[].", path.trim_end_matches('.')), depth);
    }
}

/// What a field takes, in words.
fn takes(root: &Value, schema: &Value) -> String {
    let schema = resolve(root, schema);
    if is_id(schema) {
        return "id: integer, digits or UUID".to_owned();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let words: Vec<_> = choices.iter().map(|choice| takes(root, choice)).collect();
        return words.join(" or ");
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect::<Vec<_>>(),
    };
    let words: Vec<_> = kinds.iter().map(|kind| of_kind(root, kind, schema)).collect();
    if words.is_empty() { "anything".to_owned() } else { words.join(" or ") }
}

fn of_kind(root: &Value, kind: &str, schema: &Value) -> String {
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound.to_string());
    match kind {
        "null" => "`null`".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => format!("list of {}", takes(root, &schema["items"])),
        "object" => "object".to_owned(),
        "integer" | "number" => {
            let kind = if kind == "integer" { "integer" } else { "number" };
            match (bound("minimum"), bound("maximum")) {
                (Some(least), Some(most)) => format!("{kind} from {least} to {most}"),
                (Some(least), None) => format!("{kind} from {least}"),
                (None, Some(most)) => format!("{kind} up to {most}"),
                (None, None) => kind.to_owned(),
            }
        }
        "string" => {
            let pattern = schema["pattern"].as_str().map(|pattern| format!(" that fits `{pattern}`"));
            let length = bound("maxLength").map(|most| format!(" of at most {most} characters"));
            format!("text{}{}", pattern.unwrap_or_default(), length.unwrap_or_default())
        }
        other => other.to_owned(),
    }
}

/// The example with its type first, as people write it.
fn in_order(example: &Value) -> String {
    let fields = example.as_object().into_iter().flatten();
    let rest = fields.filter(|(name, _)| *name != "type").map(|(name, value)| format!(",{}:{value}", json!(name)));
    format!("{{\"type\":{}{}}}", example["type"], rest.collect::<String>())
}

/// What the server adds in the guide's dialect.
fn stamp(protocol: &Protocol, kind: &MessageType) -> String {
    let envelope = protocol.envelope(&kind.envelope("guide"));
    let added = envelope["properties"].as_object().into_iter().flatten().map(|(name, _)| name);
    let added: Vec<_> = added.filter(|name| *name != "type").map(|name| format!("`{name}`")).collect();
    added.join(", ")
}

/// The codes with which a message of the type may be refused.
fn codes(kind: &MessageType) -> Vec<Code> {
    let info = &kind.info;
    let applies = |code: Code| match code {
        Code::BadJson | Code::BadField | Code::TooLarge | Code::NotEnabled | Code::Unavailable => true,
        Code::NotAllowed => info.senders == Senders::Service,
        Code::NotAMember => kind.told.to_group,
        Code::Limited => info.limit.count > 0,
        Code::KeyReused => info.kept,
        _ => false,
    };
    Code::ALL.iter().copied().filter(|&code| applies(code)).collect()
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let path = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    path.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

/// Text on one line that ends no cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use tidings_wire::UserId;

    use super::*;

    #[test]
    fn what_a_field_takes_is_said_in_words() {
        let root = json!({"$defs": {"Size": {"enum": ["s", "m"]}}});
        for (schema, expected) in [
            (json!({"type": "integer", "minimum": 0, "maximum": 9}), "integer from 0 to 9"),
            (json!({"type": ["integer", "null"], "minimum": 0}), "integer from 0 or `null`"),
            (json!({"type": "array", "items": {"$ref": "#/$defs/Size"}}), "list of `\"s\"` or `\"m\"`"),
            (json!({"type": "string", "maxLength": 9}), "text of at most 9 characters"),
            (json!({"oneOf": [{"type": "number"}, {"type": "boolean"}]}), "number or `true` or `false`"),
            (json!({}), "anything"),
            (schemars::schema_for!(UserId).to_value(), "id: integer, digits or UUID"),
        ] {
            assert_eq!(takes(&root, &schema), expected, "{schema}");
        }
    }

    #[test]
    fn inner_fields_stand_behind_their_own() {
        let schema = json!({
            "properties": {"style": {"$ref": "#/$defs/Style"}, "parts": {"type": "array", "items": {"properties": {"x": {}}}}},
            "$defs": {"Style": {"type": "object", "description": "How | it looks.", "properties": {"a": {"type": "null"}}}},
        });
        let mut page = String::new();
        rows(&mut page, &schema, &schema, "", 4);
        let paths: Vec<_> = page.lines().map(|line| line.split('`').nth(1).unwrap()).collect();
        assert_eq!(paths, ["parts", "parts[].x", "style", "style.a"], "{page}");
        assert!(page.contains("How \\| it looks."), "{page}");
    }
}
