//! `config show`: what is in force, as a file that could be used, with where each value comes from.

use std::fmt::Write;

use serde_json::Value;

use super::{
    Loaded, Place,
    catalogue::{Section, Setting, sections, settings_in},
};

/// The effective configuration in TOML. Secrets are masked.
pub fn show(loaded: &Loaded) -> String {
    let values = serde_json::to_value(&loaded.configuration).expect("a configuration is plain data");
    let mut page = String::new();
    for section in sections() {
        if section.family {
            for (member, values) in values[&section.name].as_object().into_iter().flatten() {
                table(&mut page, section, member, values, loaded);
            }
        } else {
            let values = section.name.split('.').fold(&values, |values, name| &values[name]);
            table(&mut page, section, "", values, loaded);
        }
    }
    page
}

fn table(page: &mut String, section: &Section, member: &str, values: &Value, loaded: &Loaded) {
    if !page.is_empty() {
        page.push('\n');
    }
    let dot = if section.family { "." } else { "" };
    let _ = writeln!(page, "[{}{dot}{member}]", section.name);
    for setting in settings_in(&section.name) {
        line(page, setting, &setting.key(member), &values[&setting.name], loaded);
    }
}

fn line(page: &mut String, setting: &Setting, key: &str, value: &Value, loaded: &Loaded) {
    let place = loaded.places.get(key).unwrap_or(&Place::Default);
    // JSON's text, numbers, booleans and lists of them are TOML's too.
    let _ = match value {
        Value::Object(_) => {
            let table = toml::Value::try_from(value).expect("a setting's table has no nulls");
            writeln!(page, "{} = {table}  # {place}", setting.name)
        }
        Value::Null => writeln!(page, "# {} is not set", setting.name),
        value => writeln!(page, "{} = {value}  # {place}", setting.name),
    };
}
