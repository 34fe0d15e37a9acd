//! The tree of values that was read: its leaves, and what each is as JSON.

use config::{Value, ValueKind};
use serde_json::{Map, json};

use super::{TimeSpan, catalogue::Kind};

/// A value that has no values below it, with its path.
pub(super) struct Leaf<'a> {
    pub(super) path: Vec<String>,
    pub(super) value: &'a Value,
}

/// The leaves, sorted by their paths. An empty table is one, and a table at a path for which `is_value` says so.
pub(super) fn leaves(tree: &Value, is_value: impl Fn(&[String]) -> bool) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    collect(tree, &is_value, &mut Vec::new(), &mut found);
    found.retain(|leaf| !leaf.path.is_empty());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The value in the form that the setting has. Text from the environment and from flags is read as the setting's kind;
/// text from a file is not, so that `"8"` is no number there.
///
/// # Errors
/// What stands there instead, in words.
pub(super) fn json_of(value: &Value, kind: &Kind, is_text: bool) -> Result<serde_json::Value, String> {
    match (kind, &value.kind) {
        (Kind::Boolean, ValueKind::Boolean(value)) => Ok(json!(value)),
        (Kind::Boolean, ValueKind::String(text)) if is_text => match text.trim() {
            "true" | "1" => Ok(json!(true)),
            "false" | "0" => Ok(json!(false)),
            _ => Err(words(value)),
        },
        (Kind::Integer { least, most }, found) => integer(found, is_text)
            .filter(|number| (*least..=*most).contains(number))
            .map(|number| json!(number))
            .ok_or_else(|| words(value)),
        // What else is no rollout says so itself when it is read.
        (Kind::Rollout, ValueKind::String(text)) if is_text => {
            text.trim().parse::<u64>().map(|share| json!(share)).map_err(|_| words(value))
        }
        (Kind::Rollout, ValueKind::String(_)) => Err(words(value)),
        (Kind::Rollout, _) => Ok(plain(value)),
        (Kind::Texts, ValueKind::Table(_)) => Ok(plain(value)),
        (Kind::OneOf(choices), ValueKind::String(text)) if choices.contains(text) => Ok(json!(text)),
        (Kind::Span { least }, ValueKind::String(text)) => match text.parse::<TimeSpan>() {
            Ok(span) if span.0 < least.0 => Err(words(value)),
            // What is no length of time says so itself when it is read.
            _ => Ok(json!(text)),
        },
        (Kind::Text { .. }, ValueKind::String(text)) => Ok(json!(text)),
        (Kind::List, ValueKind::Array(items)) => {
            let text = |item: &Value| match &item.kind {
                ValueKind::String(text) => Ok(json!(text)),
                _ => Err(format!("a list with {}", words(item))),
            };
            items.iter().map(text).collect()
        }
        (Kind::List, ValueKind::String(text)) if is_text => {
            Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(|item| json!(item)).collect())
        }
        _ => Err(words(value)),
    }
}

/// Puts a value at a path, making the objects on the way.
pub(super) fn insert(into: &mut serde_json::Value, path: &[String], value: serde_json::Value) {
    let mut at = into;
    for name in path {
        if !at.is_object() {
            *at = serde_json::Value::Object(Map::new());
        }
        at = &mut at[name.as_str()];
    }
    *at = value;
}

fn collect<'a>(
    value: &'a Value,
    is_value: &dyn Fn(&[String]) -> bool,
    path: &mut Vec<String>,
    found: &mut Vec<Leaf<'a>>,
) {
    match &value.kind {
        ValueKind::Table(table) if !table.is_empty() && !is_value(path) => {
            for (name, inner) in table {
                path.push(name.clone());
                collect(inner, is_value, path, found);
                path.pop();
            }
        }
        _ => found.push(Leaf { path: path.clone(), value }),
    }
}

fn integer(kind: &ValueKind, is_text: bool) -> Option<u64> {
    match kind {
        ValueKind::I64(number) => (*number).try_into().ok(),
        ValueKind::U64(number) => Some(*number),
        ValueKind::String(text) if is_text => text.trim().parse().ok(),
        _ => None,
    }
}

/// A value as it stands in the file.
fn plain(value: &Value) -> serde_json::Value {
    match &value.kind {
        ValueKind::Nil => json!(null),
        ValueKind::Boolean(value) => json!(value),
        ValueKind::I64(number) => json!(number),
        ValueKind::U64(number) => json!(number),
        ValueKind::Float(number) => json!(number),
        ValueKind::String(text) => json!(text),
        ValueKind::Array(items) => items.iter().map(plain).collect(),
        ValueKind::Table(table) => table.iter().map(|(name, inner)| (name.clone(), plain(inner))).collect(),
        // TOML has no larger numbers.
        number => json!(number.to_string()),
    }
}

/// What stands there.
fn words(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Boolean(value) => format!("`{value}`"),
        ValueKind::String(text) => format!("the text {text:?}"),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        number => format!("the number {number}"),
    }
}
