//! Whether those who know an earlier schema get on with a later one.
//!
//! A message goes two ways: clients of the earlier schema send it to a server of the later one, and read what that server sends
//! them. So a change may break one side and not the other:
//!
//! | change | who sends it | who reads it |
//! |---|---|---|
//! | a field that may be absent is new | fine | fine: readers pass over what they don't know |
//! | a field that must be there is new | breaks | fine |
//! | a field is gone | breaks: what it said is dropped | breaks |
//! | a field must be there now | breaks | fine |
//! | a field may be absent now | fine | breaks |
//! | a kind of value is taken no more (null, text, fractions …) | breaks | fine |
//! | a kind of value is new | fine | breaks |
//! | a value of an enumeration, or an alternative, is gone | breaks | fine |
//! | a value of an enumeration, or an alternative, is new | fine | fine: readers pass over what they don't know |
//! | an enumeration where anything went | breaks | fine |
//! | anything where there was an enumeration | fine | breaks |
//! | a bound is tighter, a pattern or form is new or another | breaks | fine |
//! | a bound is looser, a pattern or form is gone | fine | fine: bounds are the server's to check |
//! | unknown fields are refused | breaks | fine |
//! | what this check can't compare (`allOf`, `not`, conditions …) is another | breaks | breaks |
//!
//! Descriptions, titles, examples and defaults say nothing about what is taken, and are not compared.

use std::collections::BTreeSet;
use std::{fmt, ptr};

use serde_json::Value;

/// Which way a schema's values go, seen from the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ways {
    /// Clients send them.
    Sent,
    /// Clients read them.
    Read,
    /// Both, as messages.
    Both,
}

/// One thing that breaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Break {
    /// Which field, such as `style.sizes[]`; empty for the whole.
    path: String,
    what: String,
    /// Whether those are hurt who send it, and those who read it.
    senders: bool,
    readers: bool,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the whole" } else { &self.path };
        let hurt = match (self.senders, self.readers) {
            (true, true) => "clients that send it and clients that read it",
            (true, false) => "clients that send it",
            _ => "clients that read it",
        };
        write!(f, "`{path}`: {} (breaks {hurt})", self.what)
    }
}

/// What of a later schema breaks those who know the earlier one.
pub(super) fn breaks(earlier: &Value, later: &Value, ways: Ways) -> Vec<Break> {
    let mut comparison = Comparison { earlier, later, ways, under_way: Vec::new(), found: Vec::new() };
    comparison.schemas(earlier, later, "");
    comparison.found
}

/// How deep kinds and values are looked for; deeper ones lead back to themselves.
const DEPTH: u32 = 12;

/// Keywords that are compared as they stand, because what follows from a difference can't be told.
const OPAQUE: [&str; 10] = [
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "contains",
];

/// Bounds, and whether a larger number is the tighter one.
const BOUNDS: [(&str, bool); 10] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("minLength", true),
    ("minItems", true),
    ("minProperties", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("maxLength", false),
    ("maxItems", false),
    ("maxProperties", false),
];

struct Comparison<'a> {
    /// The roots, in which references are looked up.
    earlier: &'a Value,
    later: &'a Value,
    ways: Ways,
    /// What is being compared, from the whole down: what leads back to itself ends there.
    under_way: Vec<(&'a Value, &'a Value)>,
    found: Vec<Break>,
}

impl<'a> Comparison<'a> {
    fn schemas(&mut self, earlier: &'a Value, later: &'a Value, path: &str) {
        let (earlier, later) = (resolve(self.earlier, earlier), resolve(self.later, later));
        let leads_back = |&(before, after): &(&Value, &Value)| ptr::eq(before, earlier) && ptr::eq(after, later);
        if self.under_way.iter().any(leads_back) {
            return;
        }
        self.under_way.push((earlier, later));
        self.kinds(earlier, later, path);
        self.values(earlier, later, path);
        for keyword in OPAQUE.into_iter().filter(|keyword| earlier.get(keyword) != later.get(keyword)) {
            self.both(path, format!("`{keyword}` is another, which can't be compared"));
        }
        let (before, after) = (self.variants(self.earlier, earlier), self.variants(self.later, later));
        match (&before[..], &after[..]) {
            ([before], [after]) => self.alike(before, after, path),
            _ => self.alternatives(&before, &after, path),
        }
        self.under_way.pop();
    }

    /// Two schemas of one shape each.
    fn alike(&mut self, earlier: &'a Value, later: &'a Value, path: &str) {
        self.bounds(earlier, later, path);
        self.fields(earlier, later, path);
        if let (Some(before), Some(after)) = (earlier.get("items"), later.get("items")) {
            self.schemas(before, after, &format!("{path}[]"));
        }
        if earlier["prefixItems"] != later["prefixItems"] {
            self.both(path, "the parts of the list are others".to_owned());
        }
    }

    fn kinds(&mut self, earlier: &Value, later: &Value, path: &str) {
        let (before, after) = (kinds(self.earlier, earlier, DEPTH), kinds(self.later, later, DEPTH));
        let listed = |kinds: BTreeSet<&str>| kinds.into_iter().collect::<Vec<_>>().join(", ");
        let lost: BTreeSet<_> = before.difference(&after).copied().collect();
        let gained: BTreeSet<_> = after.difference(&before).copied().collect();
        if !lost.is_empty() {
            self.senders(path, format!("takes no {} any more", listed(lost)));
        }
        if !gained.is_empty() {
            self.readers(path, format!("may be {} now", listed(gained)));
        }
    }

    fn values(&mut self, earlier: &Value, later: &Value, path: &str) {
        match (values(self.earlier, earlier, DEPTH), values(self.later, later, DEPTH)) {
            (Some(before), Some(after)) => {
                for gone in before.difference(&after) {
                    self.senders(path, format!("the value {gone} is gone"));
                }
            }
            (None, Some(after)) => {
                let after: Vec<_> = after.into_iter().collect();
                self.senders(path, format!("takes {} alone now", after.join(", ")));
            }
            (Some(_), None) => self.readers(path, "may be any value now".to_owned()),
            (None, None) => {}
        }
    }

    fn bounds(&mut self, earlier: &Value, later: &Value, path: &str) {
        for (bound, larger_is_tighter) in BOUNDS {
            let (before, after) = (bound_of(earlier, bound), bound_of(later, bound));
            let tighter = match (before, after) {
                (Some(before), Some(after)) if larger_is_tighter => after > before,
                (Some(before), Some(after)) => after < before,
                // That a number is not below zero is what its kind says in Rust, and worth telling all the same.
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if tighter {
                let was = before.map_or("no bound".to_owned(), |before| before.to_string());
                self.senders(path, format!("`{bound}` is {} now, was {was}", after.unwrap_or_default()));
            }
        }
        // Of numbers the form says how many bits they have; that is a bound, and stands as one.
        let forms = ["pattern", "format"].into_iter().filter(|form| *form == "pattern" || later["type"] == "string");
        for form in forms {
            let (before, after) = (&earlier[form], &later[form]);
            if after.is_string() && before != after {
                self.senders(path, format!("must have the {form} {after} now"));
            }
        }
    }

    fn fields(&mut self, earlier: &'a Value, later: &'a Value, path: &str) {
        let (before, after) = (&earlier["properties"], &later["properties"]);
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for (name, old) in before.as_object().into_iter().flatten() {
            let Some(new) = after.get(name) else {
                self.both(&at(name), "the field is gone".to_owned());
                continue;
            };
            match (requires(earlier, name), requires(later, name)) {
                (false, true) => self.senders(&at(name), "must be there now".to_owned()),
                (true, false) => self.readers(&at(name), "may be absent now".to_owned()),
                _ => {}
            }
            self.schemas(old, new, &at(name));
        }
        for (name, _) in after.as_object().into_iter().flatten() {
            if before.get(name).is_none() && requires(later, name) {
                self.senders(&at(name), "is new and must be there".to_owned());
            }
        }
        match (&earlier["additionalProperties"], &later["additionalProperties"]) {
            (Value::Bool(false), Value::Bool(false)) => {}
            (_, Value::Bool(false)) => self.senders(path, "refuses fields that it does not know now".to_owned()),
            (old @ Value::Object(_), new @ Value::Object(_)) => self.schemas(old, new, &at("*")),
            (Value::Null | Value::Bool(true), Value::Object(_)) if before.is_null() => {
                self.senders(&at("*"), "takes values of one form alone now".to_owned());
            }
            (Value::Object(_), Value::Null | Value::Bool(true)) if after.is_null() => {
                self.readers(&at("*"), "may be any value now".to_owned());
            }
            _ => {}
        }
    }

    /// Schemas of several shapes: each of before is looked for among those of now, by what tells it apart.
    fn alternatives(&mut self, before: &[&'a Value], after: &[&'a Value], path: &str) {
        let taken: BTreeSet<_> = after.iter().flat_map(|schema| kinds(self.later, schema, DEPTH)).collect();
        for old in before {
            let label = label(old);
            match after.iter().find(|new| self::label(new) == label) {
                Some(new) => self.alike(old, new, &format!("{path}({label})")),
                // That its kind is taken no more was told.
                None if kinds(self.earlier, old, DEPTH).is_disjoint(&taken) => {}
                None => self.senders(path, format!("the alternative {label} is gone")),
            }
        }
    }

    /// The shapes that a schema allows, without null and without plain values, which [`values`] compares.
    fn variants(&self, root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
        let listed = [&schema["oneOf"], &schema["anyOf"]].into_iter().filter_map(Value::as_array).flatten();
        let shapes = listed.map(|variant| resolve(root, variant));
        let shapes: Vec<_> =
            shapes.filter(|variant| variant["type"] != "null" && values(root, variant, DEPTH).is_none()).collect();
        if shapes.is_empty() { vec![schema] } else { shapes }
    }

    fn senders(&mut self, path: &str, what: String) {
        self.note(path, what, true, false);
    }

    fn readers(&mut self, path: &str, what: String) {
        self.note(path, what, false, true);
    }

    fn both(&mut self, path: &str, what: String) {
        self.note(path, what, true, true);
    }

    fn note(&mut self, path: &str, what: String, senders: bool, readers: bool) {
        let senders = senders && self.ways != Ways::Read;
        let readers = readers && self.ways != Ways::Sent;
        if senders || readers {
            self.found.push(Break { path: path.to_owned(), what, senders, readers });
        }
    }
}

/// A bound as it is written, or as the number's form in Rust has it.
fn bound_of(schema: &Value, bound: &str) -> Option<f64> {
    let written = schema[bound].as_f64();
    let bits = |form: &str, signed: bool| {
        let bits: i32 = form.strip_prefix(if signed { "int" } else { "uint" })?.parse().ok()?;
        Some(2_f64.powi(if signed { bits - 1 } else { bits }))
    };
    let form = schema["format"].as_str().unwrap_or_default();
    let implied = match bound {
        "maximum" => bits(form, false).or_else(|| bits(form, true)).map(|beyond| beyond - 1.0),
        "minimum" if form.starts_with("uint") => Some(0.0),
        "minimum" => bits(form, true).map(|beyond| -beyond),
        _ => None,
    };
    written.or(implied)
}

/// Follows a reference within the root.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let path = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    path.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

fn requires(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|required| required.iter().any(|required| required == name))
}

const KINDS: [&str; 7] = ["array", "boolean", "fraction", "integer", "null", "object", "string"];

/// The kinds of values that a schema takes. A number is an integer or a fraction.
fn kinds(root: &Value, schema: &Value, depth: u32) -> BTreeSet<&'static str> {
    let schema = resolve(root, schema);
    let Some(depth) = depth.checked_sub(1) else { return KINDS.into() };
    if let Some(kind) = schema.get("type") {
        let listed = kind.as_array().map_or_else(|| vec![kind], |kinds| kinds.iter().collect());
        let is = |kind: &str| match kind {
            "fraction" => listed.iter().any(|listed| *listed == "number"),
            "integer" => listed.iter().any(|listed| *listed == "integer" || *listed == "number"),
            other => listed.iter().any(|listed| *listed == other),
        };
        return KINDS.into_iter().filter(|kind| is(kind)).collect();
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        return choices.iter().flat_map(|choice| kinds(root, choice, depth)).collect();
    }
    match values(root, schema, depth) {
        Some(values) => values.iter().map(|value| kind_of(value)).collect(),
        None => KINDS.into(),
    }
}

/// The kind of a value, from its text as JSON.
fn kind_of(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ if text.contains(['.', 'e', 'E']) => "fraction",
        _ => "integer",
    }
}

/// The values of an enumeration, as JSON without null; none where a schema is no enumeration.
fn values(root: &Value, schema: &Value, depth: u32) -> Option<BTreeSet<String>> {
    let schema = resolve(root, schema);
    let depth = depth.checked_sub(1)?;
    if let Some(value) = schema.get("const") {
        return Some([value.to_string()].into());
    }
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().filter(|value| !value.is_null()).map(Value::to_string).collect());
    }
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array())?;
    let choices = choices.iter().filter(|choice| choice["type"] != "null");
    let values: Option<Vec<_>> = choices.map(|choice| values(root, choice, depth)).collect();
    values.filter(|values| !values.is_empty()).map(|values| values.into_iter().flatten().collect())
}

/// What tells an alternative from others: the field with one value, the only field there is, the title, or the kind.
fn label(variant: &Value) -> String {
    let fields = variant["properties"].as_object();
    let constant = |schema: &Value| schema.get("const").or_else(|| schema.pointer("/enum/0")).map(Value::to_string);
    let tag = fields.into_iter().flatten().find_map(|(name, schema)| Some(format!("{name} {}", constant(schema)?)));
    let only = || fields.filter(|fields| fields.len() == 1).and_then(|fields| fields.keys().next().cloned());
    let title = || variant["title"].as_str().map(str::to_owned);
    tag.or_else(only).or_else(title).unwrap_or_else(|| variant["type"].to_string())
}

#[cfg(test)]
#[path = "compatible_tests.rs"]
mod tests;
