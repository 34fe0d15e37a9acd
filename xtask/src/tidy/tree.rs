//! The repository's files, read once, and what part of the house each belongs to.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result, ensure};

use super::source::Source;

/// Every text file that is or would be committed.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
pub(super) struct File {
    /// Below the repository, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// For `.rs` files.
    pub(super) source: Option<Source>,
}

/// What a Rust file is for; the rules differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Runs in the product or in what people write with it: `src` of `crates/*` and `examples/*`.
    Product,
    /// Integration tests, and files that only tests compile.
    Tests,
    /// testkit, bench, xtask, benches, build scripts: may read the time and spawn.
    Tools,
}

impl Tree {
    /// Reads what git tracks or would track (so neither `target/` nor data folders). Files that are not UTF-8 are left
    /// out.
    ///
    /// # Errors
    /// git is missing, this is no repository, or a file can't be read.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("start git")?;
        ensure!(listing.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listing.stderr).trim());
        let listing = String::from_utf8(listing.stdout).context("a file's name is not UTF-8")?;
        let mut pairs = Vec::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            match fs::read_to_string(root.join(path)) {
                Ok(text) => pairs.push((path.to_owned(), text)),
                // Deleted but not yet committed; an image; a link to a folder.
                Err(error) if is_no_text(&error) => {}
                Err(error) => return Err(error).with_context(|| format!("read {path}")),
            }
        }
        Ok(Self::of(pairs))
    }

    /// A tree of files that are at hand: what the tests of the rules use.
    pub(super) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(path, text)| {
            let source = path.ends_with(".rs").then(|| Source::read(&text));
            File { path, text, source }
        });
        let mut tree = Self { files: files.collect() };
        tree.mark_test_files();
        tree
    }

    /// `#[cfg(test)] mod tests;` makes a file of its own a test, whatever its name.
    fn mark_test_files(&mut self) {
        let mut only_for_tests = HashSet::new();
        for file in &self.files {
            let Some(source) = &file.source else { continue };
            let folder = module_folder(&file.path);
            only_for_tests.extend(source.test_files.iter().map(|name| format!("{folder}/{name}")));
        }
        for file in &mut self.files {
            let stem = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
            let within = |module: &String| stem == module || stem.starts_with(&format!("{module}/"));
            if let Some(source) = file.source.as_mut().filter(|_| only_for_tests.iter().any(within)) {
                source.mark_all_as_test();
            }
        }
    }
}

impl File {
    /// What this file is for, by its place.
    pub(super) fn part(&self) -> Part {
        let mut folders = self.path.split('/');
        let (first, second, third) = (folders.next(), folders.next(), folders.next());
        match (first, second, third) {
            (Some("crates" | "examples"), _, Some("tests")) | (Some("bench" | "xtask"), Some("tests"), _) => {
                Part::Tests
            }
            (Some("crates"), Some("testkit"), _) => Part::Tools,
            (Some("crates" | "examples"), _, Some("src")) => Part::Product,
            _ => Part::Tools,
        }
    }
}

fn is_no_text(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory)
}

/// Where the files of a module's submodules lie.
fn module_folder(path: &str) -> &str {
    let stem = path.trim_end_matches(".rs");
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    if matches!(name, "mod" | "lib" | "main") { folder } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn a_files_part_follows_from_its_place() {
        for (path, part) in [
            ("crates/engine/src/shard.rs", Part::Product),
            ("examples/poke/src/lib.rs", Part::Product),
            ("crates/engine/tests/shard.rs", Part::Tests),
            ("examples/poke/tests/poke.rs", Part::Tests),
            ("bench/tests/floor.rs", Part::Tests),
            ("crates/testkit/src/lib.rs", Part::Tools),
            ("crates/engine/benches/shard.rs", Part::Tools),
            ("bench/src/main.rs", Part::Tools),
            ("xtask/src/main.rs", Part::Tools),
        ] {
            assert_eq!(tree(&[(path, "")]).files[0].part(), part, "{path}");
        }
    }

    #[test]
    fn a_module_that_only_tests_compile_is_test_code_with_all_its_files() {
        let tree = tree(&[
            ("crates/a/src/shard.rs", "#[cfg(test)]\nmod proofs;\nmod outbox;\n"),
            ("crates/a/src/shard/proofs.rs", "fn helper() {}\n"),
            ("crates/a/src/shard/proofs/deep.rs", "fn helper() {}\n"),
            ("crates/a/src/shard/outbox.rs", "fn work() {}\n"),
        ]);
        let is_test = |index: usize| tree.files[index].source.as_ref().unwrap().is_test_line(1);
        assert_eq!([is_test(1), is_test(2), is_test(3)], [true, true, false]);
    }

    #[test]
    fn the_repository_itself_can_be_read() {
        let tree = Tree::read(&crate::repository()).unwrap();
        assert!(tree.files.iter().any(|file| file.path == "xtask/src/tidy/tree.rs" && file.source.is_some()));
    }
}
