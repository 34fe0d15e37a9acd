//! Whether the book is whole: each page is in the summary, each link leads somewhere, each block of Rust is run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// All Markdown pages below the folder, by their paths in it.
fn pages(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the book's folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        if path.is_dir() {
            found.extend(pages(&path).into_iter().map(|page| format!("{name}/{page}")));
        } else if name.ends_with(".md") {
            found.insert(name);
        }
    }
    found
}

/// What the page links to within the book: paths, without what stands behind a `#`.
fn links(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let own = targets.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace));
    own.map(|target| target.split_once('#').map_or((target, None), |(page, part)| (page, Some(part))))
}

/// A heading's anchor, as mdBook and GitHub make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// mdBook makes pages of what the summary lists alone, so that a link to another leads nowhere; and refuses a page listed twice.
#[test]
fn each_page_is_in_the_summary_once() {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).expect("the summary");
    let mut listed = BTreeSet::new();
    for (page, _) in links(&summary) {
        assert!(listed.insert(page.to_owned()), "docs/SUMMARY.md lists {page} twice");
    }
    let mut pages = pages(&docs());
    pages.remove("SUMMARY.md");
    let missing: Vec<_> = pages.difference(&listed).collect();
    assert!(missing.is_empty(), "add these to docs/SUMMARY.md: {missing:?}");
}

#[test]
fn each_link_leads_to_a_page_and_a_heading() {
    for page in pages(&docs()) {
        let text = fs::read_to_string(docs().join(&page)).expect("a page");
        for (target, part) in links(&text) {
            let file = if target.is_empty() { docs().join(&page) } else { docs().join(&page).with_file_name(target) };
            let file =
                if target.contains('/') { docs().join(&page).parent().expect("a folder").join(target) } else { file };
            assert!(file.exists(), "{page} links to {target}, which is not there");
            if let Some(part) = part {
                let there = anchors(&fs::read_to_string(&file).expect("a page"));
                assert!(there.contains(part), "{page} links to {target}#{part}; headings there: {there:?}");
            }
        }
    }
}

#[test]
fn each_block_of_rust_is_run() {
    let run = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the list of pages");
    for page in pages(&docs()) {
        let text = fs::read_to_string(docs().join(&page)).expect("a page");
        let has_rust = text.lines().any(|line| line.starts_with("```rust"));
        let runs = run.contains(&format!("docs/{page}\""));
        assert!(!has_rust || runs, "docs/{page} has a block of Rust: name it in checks/book/src/lib.rs");
        assert!(
            !text.contains("```rust,ignore") && !text.contains("```rust,no_run"),
            "docs/{page} has Rust that is not run"
        );
    }
}
