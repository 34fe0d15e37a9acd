//! `cargo xtask generate`: the committed files that come from the code, made again or compared.
//!
//! All of them come out of the `tidings` binary itself, so what is committed is what the program would answer. JSON is
//! laid out anew with sorted keys, so that a difference is a difference in content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

mod compatible;
mod judge;
mod released;

use released::Released;

/// What to do with the generated files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Write them.
    Write,
    /// Write nothing, and compare them with those that are there.
    Check,
    /// Write them, and note their schemas as released.
    Release,
}

/// Writes the generated files into `folder`, or compares them with those there and names each that differs (`Ok(false)`). Where a
/// schema would break those who know the one that is there, or the one that was released, it says so and writes nothing.
///
/// # Errors
/// The workspace does not build, a command of the binary fails or says something that can't be used, a file can't be written, or
/// the note of what was released is not there or was changed by hand.
pub(crate) fn run(root: &Path, folder: &Path, purpose: Purpose) -> Result<bool> {
    let released = if purpose == Purpose::Release { Released::read_or_none(folder)? } else { Released::read(folder)? };
    let files = make(&Binary::build(root)?)?;
    let breaking = judge::breaking(folder, &files, &released)?;
    for sentence in &breaking {
        println!("{sentence}");
    }
    if purpose == Purpose::Check {
        let differences = compare(folder, &files)?;
        for difference in &differences {
            println!("{difference}; run `cargo xtask generate` and commit the result");
        }
        println!("{} generated files, {} differ, {} break clients", files.len(), differences.len(), breaking.len());
        return Ok(differences.is_empty() && breaking.is_empty());
    }
    if !breaking.is_empty() {
        println!("nothing is written: {} changes break clients", breaking.len());
        return Ok(false);
    }
    write(folder, &files)?;
    println!("{} generated files written", files.len());
    if purpose == Purpose::Release {
        fs::write(folder.join(released::FILE), released.with(&files)?.text())
            .with_context(|| format!("write {}", released::FILE))?;
        println!("their schemas are noted in {} as released", released::FILE);
    }
    Ok(true)
}

/// What each file comes from. Schemas are apart ([`SCHEMAS`]): one command makes many files.
const SOURCES: &[(&str, &[&str])] = &[
    ("protocol/codes.json", &["spec", "codes"]),
    ("protocol/openapi.json", &["spec", "openapi"]),
    ("protocol/asyncapi.json", &["spec", "asyncapi"]),
    ("protocol/jsonschema.json", &["spec", "jsonschema"]),
    ("protocol/tidings.ts", &["spec", "typescript"]),
    ("docs/configuration.md", &["config", "doc"]),
];

/// One file for each registered message type; files of types that are gone are deleted.
const SCHEMAS: &str = "protocol/schemas";

/// A page for each registered message type; pages of types that are gone are deleted.
const PAGES: &str = "docs/types";

/// One file for each frame of the protocol's own, by who sends it; files of frames that are gone are deleted.
const CLIENT_FRAMES: &str = "protocol/frames/client";
const SERVER_FRAMES: &str = "protocol/frames/server";

/// What stands in a message beside its type's fields, for each dialect, kept and not.
const MESSAGE_FRAMES: &str = "protocol/frames/message";

/// Path below the repository, with `/`, and what stands in the file.
type Files = BTreeMap<String, String>;

/// The `tidings` program, and an empty folder to run it in, so that no `tidings.toml` of the developer's colours its
/// answers.
struct Binary {
    program: PathBuf,
    folder: PathBuf,
}

impl Binary {
    /// Builds it with the flags that resolve the same features as the tests, so that nothing is compiled twice.
    fn build(root: &Path) -> Result<Self> {
        let status = crate::cargo()
            .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
            .current_dir(root)
            .stdin(Stdio::null())
            .status()
            .context("start cargo build")?;
        ensure!(status.success(), "the workspace does not build ({status}), so nothing can be generated");
        let target = crate::target_directory(root)?;
        let folder = target.join("xtask-generate");
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok(Self { program: target.join("debug").join("tidings"), folder })
    }

    fn output(&self, arguments: &[&str]) -> Result<String> {
        let shown = format!("tidings {}", arguments.join(" "));
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDINGS_")) {
            command.env_remove(name);
        }
        let output = command.output().with_context(|| format!("start `{shown}`"))?;
        if !output.status.success() {
            bail!("`{shown}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        let text = String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no UTF-8"))?;
        ensure!(!text.trim().is_empty(), "`{shown}` printed nothing");
        Ok(text)
    }
}

fn make(binary: &Binary) -> Result<Files> {
    let mut files = Files::new();
    for (path, arguments) in SOURCES {
        let text = binary.output(arguments)?;
        let text = if path.ends_with(".json") { canonical(&text) } else { Ok(with_one_end(&text)) };
        files.insert((*path).to_owned(), text.with_context(|| format!("make {path}"))?);
    }
    let types = serde_json::from_str(&binary.output(&["spec", "types"])?).context("it is no JSON")?;
    files.extend(schemas(SCHEMAS, types).context("make the schemas")?);
    let pages = serde_json::from_str(&binary.output(&["spec", "pages"])?).context("it is no JSON")?;
    files.extend(self::pages(pages).context("make the pages about types")?);
    let mut frames: Value = serde_json::from_str(&binary.output(&["spec", "frames"])?).context("it is no JSON")?;
    for (folder, side) in [(CLIENT_FRAMES, "client"), (SERVER_FRAMES, "server"), (MESSAGE_FRAMES, "message")] {
        files.extend(schemas(folder, frames[side].take()).with_context(|| format!("make the {side}'s frames"))?);
    }
    Ok(files)
}

/// Splits `{"private": {…}, "group": {…}}` into a file for each type.
fn schemas(folder: &str, types: Value) -> Result<Files> {
    let Value::Object(types) = types else {
        bail!("`tidings spec` printed something other than an object of schemas by type");
    };
    types.into_iter().map(|(name, schema)| Ok((format!("{folder}/{}.json", plain(&name)?), pretty(schema)))).collect()
}

/// Splits `{"private": "# …", "group": "# …"}` into a page for each type.
fn pages(types: BTreeMap<String, String>) -> Result<Files> {
    types.into_iter().map(|(name, page)| Ok((format!("{PAGES}/{}.md", plain(&name)?), with_one_end(&page)))).collect()
}

/// A name that can be a file's.
fn plain(name: &str) -> Result<&str> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    ensure!(plain && !name.starts_with('.') && !name.is_empty(), "`{name}` can't be the name of a file");
    Ok(name)
}

fn canonical(text: &str) -> Result<String> {
    Ok(pretty(serde_json::from_str(text).context("the command printed no JSON")?))
}

/// Sorted keys, whatever features serde_json was built with, two blanks, one line end.
fn pretty(mut value: Value) -> String {
    value.sort_all_objects();
    let text = serde_json::to_string_pretty(&value).expect("a value read from JSON can be written as JSON");
    with_one_end(&text)
}

fn with_one_end(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

fn write(root: &Path, files: &Files) -> Result<()> {
    for path in stale(root, files)? {
        fs::remove_file(root.join(&path)).with_context(|| format!("delete {path}"))?;
        println!("deleted {path}: no such type is registered");
    }
    for (path, text) in files {
        let full = root.join(path);
        fs::create_dir_all(full.parent().expect("every generated file lies in a folder"))?;
        fs::write(&full, text).with_context(|| format!("write {path}"))?;
    }
    Ok(())
}

/// One sentence for each file that is not what the code makes.
fn compare(root: &Path, files: &Files) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    for (path, made) in files {
        match fs::read_to_string(root.join(path)) {
            Ok(committed) if committed == *made => {}
            Ok(committed) => {
                let line = first_difference(&committed, made);
                differences.push(format!("{path}:{line}: not what the code makes"));
            }
            Err(error) => differences.push(format!("{path}: can't be read ({error})")),
        }
    }
    differences.extend(stale(root, files)?.iter().map(|path| format!("{path}: no such type is registered")));
    Ok(differences)
}

fn first_difference(committed: &str, made: &str) -> usize {
    committed.lines().zip(made.lines()).take_while(|(old, new)| old == new).count() + 1
}

fn stale(root: &Path, files: &Files) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for folder in [SCHEMAS, PAGES, CLIENT_FRAMES, SERVER_FRAMES, MESSAGE_FRAMES] {
        if !root.join(folder).exists() {
            continue;
        }
        for entry in fs::read_dir(root.join(folder)).with_context(|| format!("list {folder}"))? {
            let path = format!("{folder}/{}", entry?.file_name().to_string_lossy());
            if !files.contains_key(&path) {
                stale.push(path);
            }
        }
    }
    stale.sort();
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_was_written_compares_as_equal() {
        let root = tempfile::tempdir().unwrap();
        let made = files(&[("protocol/codes.json", "{}\n"), ("protocol/schemas/poke.json", "{}\n")]);
        write(root.path(), &made).unwrap();
        assert_eq!(compare(root.path(), &made).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn an_edited_a_missing_and_a_stale_file_are_each_named() {
        let root = tempfile::tempdir().unwrap();
        let before = files(&[("protocol/codes.json", "{\n1\n}\n"), ("protocol/schemas/gone.json", "{}\n")]);
        write(root.path(), &before).unwrap();
        let now = files(&[("protocol/codes.json", "{\n2\n}\n"), ("protocol/openapi.json", "{}\n")]);
        let differences = compare(root.path(), &now).unwrap();
        assert_eq!(differences.len(), 3, "{differences:?}");
        assert_eq!(differences[0], "protocol/codes.json:2: not what the code makes");
        assert!(differences[1].starts_with("protocol/openapi.json: can't be read"));
        assert_eq!(differences[2], "protocol/schemas/gone.json: no such type is registered");
    }

    #[test]
    fn writing_deletes_the_schema_of_a_type_that_is_gone() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &files(&[("protocol/schemas/gone.json", "{}\n")])).unwrap();
        write(root.path(), &files(&[("protocol/schemas/poke.json", "{}\n")])).unwrap();
        assert!(!root.path().join("protocol/schemas/gone.json").exists());
        assert!(root.path().join("protocol/schemas/poke.json").exists());
    }

    #[test]
    fn each_type_gets_a_file_with_sorted_keys() {
        let made =
            schemas(SCHEMAS, serde_json::json!({"poke":{"type":"object","additionalProperties":true},"wave":{}}))
                .unwrap();
        assert_eq!(made.keys().collect::<Vec<_>>(), ["protocol/schemas/poke.json", "protocol/schemas/wave.json"]);
        assert_eq!(
            made["protocol/schemas/poke.json"],
            "{\n  \"additionalProperties\": true,\n  \"type\": \"object\"\n}\n"
        );
    }

    #[test]
    fn a_type_whose_name_would_leave_the_folder_is_refused() {
        for text in [r#"{"../poke":{}}"#, r#"{"":{}}"#, r#"{"a/b":{}}"#, "[]", "null"] {
            assert!(schemas(SCHEMAS, serde_json::from_str(text).unwrap()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_failing_command_is_named_with_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let binary = Binary { program: PathBuf::from("cat"), folder: folder.path().to_path_buf() };
        let error = binary.output(&["no-such-file"]).unwrap_err().to_string();
        assert!(error.starts_with("`tidings no-such-file` failed"), "{error}");
        assert!(error.contains("cat: "), "{error}");
    }
}
