//! The settings as a list, taken from the structs of the sections: what is checked, shown and documented is this.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{Configuration, RolloutFor, TextsBy, TimeSpan};

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) section: Section,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Null where it is not set by default.
    pub(super) default: Value,
    pub(super) meaning: String,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    /// Whether the section is a family: `[types.<name>]`. No family holds sections.
    pub(super) family: bool,
    pub(super) meaning: String,
}

/// What a setting takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer {
        least: u64,
        most: u64,
    },
    OneOf(Vec<String>),
    /// A share in percent, or a table with that and users.
    Rollout,
    /// Sentences by language and form.
    Texts,
    List,
    /// A length of time, and the shortest that works.
    Span {
        least: TimeSpan,
    },
    Text {
        form: String,
        secret: bool,
    },
}

/// All settings, sections and names in alphabetical order.
pub(super) static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let schema = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Configuration>()
        .to_value();
    let mut settings: Vec<_> = properties(&schema).flat_map(|(name, section)| settings_of(name, section)).collect();
    settings.sort_by(|a, b| (&a.section.name, &a.name).cmp(&(&b.section.name, &b.name)));
    settings
});

/// The names of all sections, each once.
pub(super) fn sections() -> impl Iterator<Item = &'static Section> {
    SETTINGS.chunk_by(|a, b| a.section == b.section).map(|settings| &settings[0].section)
}

/// The settings of a section.
pub(super) fn settings_in(section: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.section.name == section)
}

impl Setting {
    /// The key in the file, `member` standing for the name of a family's member.
    pub(super) fn key(&self, member: &str) -> String {
        match self.section.family {
            true => format!("{}.{member}.{}", self.section.name, self.name),
            false => format!("{}.{}", self.section.name, self.name),
        }
    }

    /// The environment variable.
    pub(super) fn variable(&self, member: &str) -> String {
        variable(&self.key(member))
    }

    /// Whether its value is never shown.
    pub(super) fn secret(&self) -> bool {
        matches!(self.kind, Kind::Text { secret: true, .. })
    }
}

impl Kind {
    /// The kind in words, for documentation and errors.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Integer { least, most: u64::MAX } => format!("integer from {least}"),
            Self::Integer { least, most } => format!("integer from {least} to {most}"),
            Self::OneOf(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or "),
            Self::Rollout => RolloutFor::FORM.to_owned(),
            Self::Texts => TextsBy::FORM.to_owned(),
            Self::List => "list of texts".to_owned(),
            Self::Span { least } if least.0.is_zero() => TimeSpan::FORM.to_owned(),
            Self::Span { least } => format!("{} from {least}", TimeSpan::FORM),
            Self::Text { form, .. } => form.clone(),
        }
    }
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("TIDINGS_{}", key.replace('.', "__").to_uppercase())
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn settings_of(name: &str, schema: &Value) -> Vec<Setting> {
    let members = &schema["additionalProperties"];
    let section = Section { name: name.to_owned(), family: members.is_object(), meaning: text(schema, "description") };
    let holder = if section.family { members } else { schema };
    let settings = properties(holder).flat_map(|(name, schema)| {
        // A section within a section: `[app.sessions]`.
        if schema["properties"].is_object() {
            return settings_of(&format!("{}.{name}", section.name), schema);
        }
        vec![Setting {
            section: section.clone(),
            name: name.clone(),
            kind: kind(schema),
            default: schema.get("default").cloned().unwrap_or_default(),
            meaning: text(schema, "description"),
        }]
    });
    settings.collect()
}

/// The kind of one property. `Option` adds a null that says nothing here: a setting that is absent is not set.
fn kind(schema: &Value) -> Kind {
    if let Some(choices) = schema["anyOf"].as_array() {
        let choice = choices.iter().find(|choice| choice["type"] != "null");
        return choice.map(kind).expect("an optional setting is of some type");
    }
    if let Some(words) = words(schema) {
        return Kind::OneOf(words);
    }
    let is =
        |name: &str| schema["type"] == name || schema["type"].as_array().is_some_and(|all| all.contains(&name.into()));
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound as u64);
    if is("boolean") {
        Kind::Boolean
    } else if schema["format"] == RolloutFor::FORM {
        Kind::Rollout
    } else if schema["format"] == TextsBy::FORM {
        Kind::Texts
    } else if is("integer") {
        Kind::Integer { least: bound("minimum").unwrap_or(0), most: bound("maximum").unwrap_or(u64::MAX) }
    } else if is("array") {
        Kind::List
    } else if schema["format"] == TimeSpan::FORM {
        let least = schema["x-least"].as_str().unwrap_or("0s");
        Kind::Span { least: least.parse().expect("the shortest length stands beside the field") }
    } else {
        let form = schema["format"].as_str().unwrap_or("text").to_owned();
        Kind::Text { form, secret: schema["writeOnly"] == true }
    }
}

/// The words of an enumeration: schemars writes `enum`, or `oneOf` with a `const` each where variants are documented.
fn words(schema: &Value) -> Option<Vec<String>> {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(words) = schema["enum"].as_array() {
        return Some(words.iter().filter_map(word).collect());
    }
    let variants = schema["oneOf"].as_array()?;
    Some(variants.iter().filter_map(|variant| word(&variant["const"])).collect())
}

/// Prose of a doc comment on one line.
fn text(schema: &Value, name: &str) -> String {
    schema[name].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_and_section_says_what_it_means() {
        for setting in SETTINGS.iter() {
            let key = setting.key("<name>");
            assert!(!setting.meaning.is_empty() && !setting.section.meaning.is_empty(), "{key}");
            assert!(setting.meaning.ends_with('.'), "{key}: {}", setting.meaning);
        }
    }

    #[test]
    fn kinds_come_from_the_types_of_the_fields() {
        let kind = |key: &str| &SETTINGS.iter().find(|setting| setting.key("<name>") == key).unwrap().kind;
        assert_eq!(kind("server.dev"), &Kind::Boolean);
        assert_eq!(kind("limits.fragments"), &Kind::Integer { least: 1, most: 65_535 });
        assert_eq!(kind("engine.shards"), &Kind::Integer { least: 1, most: 64 });
        assert_eq!(kind("server.store"), &Kind::OneOf(vec!["sqlite".into(), "none".into()]));
        assert_eq!(kind("types.<name>.senders"), &Kind::OneOf(vec!["users".into(), "service".into()]));
        assert_eq!(kind("types.<name>.rollout"), &Kind::Rollout);
        assert_eq!(kind("server.origins"), &Kind::List);
        assert_eq!(kind("engine.room_within").words(), "length of time from 1ms");
        assert_eq!(kind("server.drain_spread").words(), "length of time");
        assert_eq!(kind("app.users.cache"), &Kind::Integer { least: 1, most: u64::MAX });
        assert_eq!(kind("app.sessions.query").words(), "SQL that only reads");
        assert!(SETTINGS.iter().any(|setting| setting.key("") == "auth.secret" && setting.secret()));
    }

    #[test]
    fn a_variable_is_the_key_in_capitals() {
        let setting = SETTINGS.iter().find(|setting| setting.key("") == "limits.enabled").unwrap();
        assert_eq!(setting.variable(""), "TIDINGS_LIMITS__ENABLED");
    }
}
