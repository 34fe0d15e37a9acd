//! Whether what the code makes breaks those who know the schemas that are committed, or those that were released.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::compatible::{self, Ways};
use super::released::Released;
use super::{CLIENT_FRAMES, Files, MESSAGE_FRAMES, SCHEMAS, SERVER_FRAMES};

/// One sentence for each change of a schema that breaks those who know it, as [`compatible`] has the rules.
///
/// A message type may break with a new `VERSION`; the protocol's own frames have none, so they may not. The committed schema is the
/// nearer neighbour; the released one is there for whoever changes the committed one by hand together with the struct.
pub(super) fn breaking(folder: &Path, files: &Files, released: &Released) -> Result<Vec<String>> {
    let mut sentences = Vec::new();
    for (path, ways, made) in schemas(files)? {
        // One that is not there is new; one that can't be read is told as a difference.
        let committed = fs::read_to_string(folder.join(path)).ok();
        if let Some(committed) = committed.and_then(|text| serde_json::from_str(&text).ok()) {
            sentences.extend(against(path, &committed, &made, ways));
        }
        if let Some(before) = released.schema(path) {
            let broken = against(path, before, &made, ways).into_iter();
            sentences.extend(broken.map(|sentence| format!("{sentence} (as it was released)")));
        }
    }
    Ok(sentences)
}

/// The schemas among what was made, by their paths, each with the way that its values go.
pub(super) fn schemas(files: &Files) -> Result<Vec<(&str, Ways, Value)>> {
    let judged = files.iter().filter_map(|(path, text)| Some((path.as_str(), ways(path)?, text)));
    judged
        .map(|(path, ways, text)| {
            let made = serde_json::from_str(text).with_context(|| format!("read what was made for {path}"))?;
            Ok((path, ways, made))
        })
        .collect()
}

fn against(path: &str, before: &Value, made: &Value, ways: Ways) -> Vec<String> {
    let [was, now] = [before, made].map(version);
    let advice = match ways {
        Ways::Both if now > was => return Vec::new(),
        Ways::Both if now < was => {
            return vec![format!("{path}: VERSION went back from {was} to {now}, and versions only grow")];
        }
        Ways::Both => format!(
            "keep it as it was, or raise the type's VERSION to {} and let its `upgrade` read what is stored",
            was + 1
        ),
        Ways::Sent | Ways::Read => "keep it as it was: frames have no version, so clients can't tell".to_owned(),
    };
    let found = compatible::breaks(before, made, ways);
    found.into_iter().map(|found| format!("{path}: {found}; {advice}")).collect()
}

/// Which way the values of a schema go; none of what is no schema.
fn ways(path: &str) -> Option<Ways> {
    let (folder, file) = path.rsplit_once('/')?;
    match folder {
        SCHEMAS => Some(Ways::Both),
        CLIENT_FRAMES => Some(Ways::Sent),
        SERVER_FRAMES => Some(Ways::Read),
        MESSAGE_FRAMES if file == "sent.json" => Some(Ways::Sent),
        MESSAGE_FRAMES => Some(Ways::Read),
        _ => None,
    }
}

/// The version that a golden schema carries; those from before they carried one are of the first.
fn version(schema: &Value) -> u64 {
    schema["x-version"].as_u64().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is said of a schema that was committed, or released, and one that is made now.
    fn said_of(path: &str, before: &Value, made: &Value) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, before.to_string()).unwrap();
        let made = Files::from([(path.to_owned(), made.to_string())]);
        let said = breaking(root.path(), &made, &Released::default()).unwrap();
        // What was released is judged in the same way, though the committed one was changed with the code.
        fs::remove_file(file).unwrap();
        let before = Files::from([(path.to_owned(), before.to_string())]);
        let released = Released::default().with(&before).unwrap();
        let of_released = breaking(root.path(), &made, &released).unwrap();
        let expected: Vec<_> = said.iter().map(|sentence| format!("{sentence} (as it was released)")).collect();
        assert_eq!(of_released, expected);
        said
    }

    #[test]
    fn a_breaking_change_of_a_type_needs_a_new_version() {
        let schema = |version: u64, field: &str| json!({"x-version": version, "type": "object", "properties": {field: {"type": "string"}}});
        let path = "protocol/schemas/poke.json";
        let said = said_of(path, &schema(1, "a"), &schema(1, "b"));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("protocol/schemas/poke.json: `a`: the field is gone"), "{said:?}");
        assert!(said[0].contains("raise the type's VERSION to 2"), "{said:?}");
        assert_eq!(said_of(path, &schema(1, "a"), &schema(2, "b")), [""; 0]);
        assert!(said_of(path, &schema(2, "a"), &schema(1, "a"))[0].contains("VERSION went back from 2 to 1"));
        let mut unversioned = schema(1, "a");
        unversioned.as_object_mut().unwrap().remove("x-version");
        assert_eq!(said_of(path, &unversioned, &schema(1, "a")), [""; 0]);
        assert_eq!(said_of(path, &unversioned, &schema(1, "b")).len(), 1);
    }

    #[test]
    fn frames_are_judged_by_who_sends_them_and_have_no_version() {
        let (less, more) = (
            json!({"type": "object"}),
            json!({"x-version": 9, "type": "object", "properties": {"a": {}}, "required": ["a"]}),
        );
        for (path, breaks) in [
            ("protocol/frames/client/hello.json", 1),
            ("protocol/frames/message/sent.json", 1),
            ("protocol/frames/message/v1-kept.json", 0),
            ("protocol/frames/server/welcome.json", 0),
            ("protocol/codes.json", 0),
        ] {
            assert_eq!(said_of(path, &less, &more).len(), breaks, "{path}");
        }
    }
}
