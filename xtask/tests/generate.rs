//! `cargo xtask generate` as it is called: a schema that breaks clients is refused and named.
#![expect(clippy::unwrap_used, reason = "what a test can't set up ends it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A copy of what is committed, to be changed.
struct Committed(tempfile::TempDir);

impl Committed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["protocol", "docs"] {
            copy(&repository().join(part), &folder.path().join(part));
        }
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("protocol/schemas/private.json")
    }

    fn schema(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path()).unwrap()).unwrap()
    }

    /// Makes the committed schema of `private` another one, from which the code's then differs.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut schema = self.schema();
        change(&mut schema);
        fs::write(self.path(), serde_json::to_string_pretty(&schema).unwrap()).unwrap();
    }

    fn released(&self) -> PathBuf {
        self.0.path().join("protocol/released.json")
    }

    /// Changes the schema of `private` that was released, and seals the file again unless that is left out.
    fn change_released(&self, seal: bool, change: impl FnOnce(&mut Value)) {
        let mut file: Value = serde_json::from_str(&fs::read_to_string(self.released()).unwrap()).unwrap();
        change(&mut file["schemas"]["protocol/schemas/private.json"]);
        if seal {
            file.sort_all_objects();
            let text = format!("{}\n", serde_json::to_string_pretty(&file["schemas"]).unwrap());
            let hash = Sha256::digest(text);
            file["sha256"] = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        }
        fs::write(self.released(), file.to_string()).unwrap();
    }

    /// Whether the chore is content, and what it says.
    fn generate(&self, flags: &[&str]) -> (bool, String) {
        let folder = self.0.path().to_str().unwrap();
        let arguments = [&["generate", "--in", folder], flags].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn a_schema_that_breaks_clients_is_named_field_by_field_and_not_written_without_a_new_version() {
    let committed = Committed::new();
    // As if the code had once had a `subject`, taken no null for `data`, and not asked for `content`.
    committed.change(|schema| {
        schema["properties"]["subject"] = json!({"type": "string"});
        schema["properties"]["data"]["type"] = json!("object");
        schema["required"] = json!(["to"]);
    });
    let before = committed.schema();
    for flags in [&["--check"][..], &[]] {
        let (content, said) = committed.generate(flags);
        assert!(!content, "{said}");
        for line in [
            "protocol/schemas/private.json: `subject`: the field is gone (breaks clients that send it and clients that read it)",
            "protocol/schemas/private.json: `data`: may be null now (breaks clients that read it)",
            "protocol/schemas/private.json: `content`: must be there now (breaks clients that send it)",
            "raise the type's VERSION to 2 and let its `upgrade` read what is stored",
        ] {
            assert!(said.contains(line), "{line}\n{said}");
        }
        assert_eq!(committed.schema(), before, "nothing is written");
    }

    // As if the code's version were the next one.
    committed.change(|schema| schema["x-version"] = json!(0));
    let (content, said) = committed.generate(&["--check"]);
    assert!(!content && said.contains("0 break clients") && said.contains("private.json:"), "{said}");
    let (content, said) = committed.generate(&[]);
    assert!(content, "{said}");
    assert_eq!(committed.schema()["x-version"], 1);
    let (content, said) = committed.generate(&["--check"]);
    assert!(content, "{said}");
}

#[test]
fn a_released_schema_that_breaks_is_refused_though_the_committed_one_was_changed_with_the_code() {
    let committed = Committed::new();
    // As if 1.0 had had a `subject`, which is gone from the struct and, by hand, from the committed schema.
    committed.change_released(true, |schema| {
        *schema = committed.schema();
        schema["properties"]["subject"] = json!({"type": "string"});
    });
    let before = fs::read(committed.released()).unwrap();
    for flags in [&["--check"][..], &[], &["--release"]] {
        let (content, said) = committed.generate(flags);
        let line = "protocol/schemas/private.json: `subject`: the field is gone (breaks clients that send it and clients that read it)";
        assert!(!content && said.contains(line) && said.contains("(as it was released)"), "{flags:?}: {said}");
        assert_eq!(fs::read(committed.released()).unwrap(), before, "nothing is released");
    }
    // A version that is raised may break.
    committed.change_released(true, |schema| schema["x-version"] = json!(0));
    let (content, said) = committed.generate(&["--check"]);
    assert!(content, "{said}");
}

#[test]
fn what_was_released_is_changed_by_a_release_alone() {
    let committed = Committed::new();
    committed.change_released(false, |schema| schema["properties"] = json!({}));
    for flags in [&["--check"][..], &[], &["--release"]] {
        let (content, said) = committed.generate(flags);
        assert!(!content && said.contains("protocol/released.json was changed by hand"), "{flags:?}: {said}");
    }
    fs::remove_file(committed.released()).unwrap();
    let (content, said) = committed.generate(&["--check"]);
    assert!(!content && said.contains("`cargo xtask generate --release` writes it"), "{said}");
    let (content, said) = committed.generate(&["--release"]);
    assert!(content, "{said}");
    let (content, said) = committed.generate(&["--check"]);
    assert!(content, "{said}");
    committed.change_released(true, |schema| assert_eq!(*schema, committed.schema(), "it is what the code makes"));
}
