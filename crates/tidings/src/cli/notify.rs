//! `tidings notify preview`: the sentences of a kind of notification.

use std::path::PathBuf;

use serde_json::{Map, Value};
use tidings_engine::ports::MessageStore;

use super::{
    arguments::Preview,
    assemble, config,
    failure::Failure,
    output::answer,
    run::block_on,
    stores::{self, DATABASE},
};
use crate::configuration::Configuration;

/// Names for those whom nobody has named.
const NAMES: [&str; 10] = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ida", "Jon"];

/// Users of the data folder who have a name.
const NAMED: &str = "SELECT name FROM social_users WHERE name IS NOT NULL AND name <> '' ORDER BY id LIMIT 10";

/// Prints a line for each number of users.
pub(super) fn preview(command: &Preview, file: Option<PathBuf>) -> Result<(), Failure> {
    let configuration = config::read(&command.data.sources(file))?.configuration;
    let notify = assemble::kinds(&configuration);
    let subtype = &command.subtype;
    if !notify.subtypes().any(|known| known == subtype) {
        let near = |known: &&str| strsim::normalized_damerau_levenshtein(subtype, known);
        let nearest = notify.subtypes().max_by(|a, b| near(a).total_cmp(&near(b))).unwrap_or_default();
        return Err(Failure::Usage(format!(
            "there is no notification {subtype:?}: `[notifications.{subtype}]` would make one; the nearest known one is {nearest:?}"
        )));
    }
    let data: Map<String, Value> = serde_json::from_str(&command.fields)
        .map_err(|error| Failure::Usage(format!("--fields {}: expected a JSON object: {error}", command.fields)))?;
    let names = names(&configuration);
    for count in &command.actors {
        let Some(said) = notify.preview(subtype, Some(&command.lang), &names, *count, &data) else {
            return Err(Failure::Usage(format!(
                "{subtype} has no sentence that can be made: see `notifications.{subtype}.texts`"
            )));
        };
        answer(&format!("{count}: {said}"))?;
    }
    Ok(())
}

/// Ten names: the data folder's first, if it has any.
fn names(configuration: &Configuration) -> Vec<String> {
    let mut names = known(configuration);
    let made_up = NAMES.iter().map(|&name| name.to_owned()).filter(|name| !names.contains(name));
    let made_up: Vec<String> = made_up.collect();
    names.extend(made_up);
    names.truncate(NAMES.len());
    names
}

/// Nothing where there is no database, or it keeps no users.
fn known(configuration: &Configuration) -> Vec<String> {
    if !configuration.server.data.join(DATABASE).exists() {
        return Vec::new();
    }
    let Ok(store) = stores::open_beside(configuration) else { return Vec::new() };
    let rows = block_on(MessageStore::query(&store, NAMED.into(), Vec::new()));
    let rows = rows.ok().and_then(Result::ok).unwrap_or_default();
    rows.iter().filter_map(|row| row.first()?.text().map(str::to_owned)).collect()
}
