//! `protocol/released.json`: the schemas as they were released, which `cargo xtask generate --release` alone writes.
//!
//! A committed schema goes on with the code, so whoever changes it by hand together with the struct would break clients unseen. What was
//! released stays: it is changed by a release alone, which keeps to the same rules, and a seal (SHA-256) tells of a change by hand.
//! A type that is gone stays in it, because its name must not come back with another meaning.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Files, judge, pretty};

/// Where it stands, below the repository.
pub(super) const FILE: &str = "protocol/released.json";

/// Released schemas by the paths of their committed ones.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Released(BTreeMap<String, Value>);

impl Released {
    /// Reads the file in `folder`.
    ///
    /// # Errors
    /// It is not there, can't be read, or was not written by a release.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let text = fs::read_to_string(folder.join(FILE))
            .with_context(|| format!("read {FILE}; `cargo xtask generate --release` writes it"))?;
        let mut file: Value = serde_json::from_str(&text).with_context(|| format!("{FILE} is no JSON"))?;
        let seal = file["sha256"].take();
        let schemas = serde_json::from_value(file["schemas"].take()).with_context(|| format!("read {FILE}"))?;
        let released = Self(schemas);
        if seal != released.seal() {
            bail!(
                "{FILE} was changed by hand: put back what was committed; `cargo xtask generate --release` alone writes it"
            );
        }
        Ok(released)
    }

    /// The same, or nothing where the file is not there yet.
    pub(super) fn read_or_none(folder: &Path) -> Result<Self> {
        if folder.join(FILE).exists() { Self::read(folder) } else { Ok(Self::default()) }
    }

    /// The schema that was released under this path.
    pub(super) fn schema(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }

    /// With what the code makes now in place of what was released under the same paths.
    pub(super) fn with(mut self, files: &Files) -> Result<Self> {
        self.0.extend(judge::schemas(files)?.into_iter().map(|(path, _, schema)| (path.to_owned(), schema)));
        Ok(self)
    }

    /// What stands in the file.
    pub(super) fn text(&self) -> String {
        pretty(json!({
            "about": "What was released: written by `cargo xtask generate --release` alone, and never by hand.",
            "sha256": self.seal(),
            "schemas": self.0,
        }))
    }

    fn seal(&self) -> String {
        let hash = Sha256::digest(pretty(json!(self.0)));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(version: u64) -> Files {
        let schema = json!({"type": "object", "x-version": version});
        Files::from([
            ("protocol/schemas/poke.json".to_owned(), schema.to_string()),
            ("README.md".to_owned(), String::new()),
        ])
    }

    fn written(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("protocol")).unwrap();
        fs::write(folder.path().join(FILE), text).unwrap();
        folder
    }

    #[test]
    fn what_was_released_is_read_again_and_holds_schemas_alone() {
        let released = Released::default().with(&files(1)).unwrap();
        assert_eq!(released.0.len(), 1);
        assert_eq!(Released::read(written(&released.text()).path()).unwrap(), released);
    }

    #[test]
    fn a_change_by_hand_is_told() {
        let text = Released::default().with(&files(1)).unwrap().text();
        let changed = text.replace("\"x-version\": 1", "\"x-version\": 0");
        assert_ne!(changed, text);
        let error = Released::read(written(&changed).path()).unwrap_err().to_string();
        assert!(error.contains("was changed by hand"), "{error}");
    }

    #[test]
    fn one_that_is_not_there_is_told_unless_the_release_is_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let error = Released::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("generate --release"), "{error}");
        assert_eq!(Released::read_or_none(folder.path()).unwrap(), Released::default());
    }

    #[test]
    fn a_type_that_is_gone_stays_released() {
        let released = Released::default().with(&files(1)).unwrap();
        let other = Files::from([("protocol/schemas/wave.json".to_owned(), "{}".to_owned())]);
        let later = released.with(&other).unwrap();
        assert!(
            later.schema("protocol/schemas/poke.json").is_some()
                && later.schema("protocol/schemas/wave.json").is_some()
        );
    }
}
