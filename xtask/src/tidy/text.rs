//! Texts that have no place in a public repository: paths of somebody's machine, hosts of package registries, words
//! about how the text came to be, pages that are not here.

use std::collections::HashSet;

use super::report::Report;
use super::source::is_word;
use super::tree::{File, Tree};

/// Checks every text file, whatever its kind.
pub(super) fn check(tree: &Tree, report: &mut Report) {
    let pages: HashSet<&str> = tree.files.iter().map(|file| file.path.rsplit('/').next().unwrap_or_default()).collect();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            let mut found = |message: String| report.violation(&file.path, index + 1, message);
            for rule in RULES.iter().filter(|rule| !rule.except.contains(&file.path.as_str())) {
                if let Some(word) = rule.words.iter().find(|word| contains(line, word)) {
                    found(format!("`{word}`: {}", rule.instead));
                }
            }
            for page in absent_pages(line, &pages) {
                found(format!("`{page}` is not in this repository: say here what it says, or leave it out"));
            }
            if file.path.ends_with("Cargo.toml") && line.replace(' ', "").starts_with("panic=\"abort\"") {
                found("a handler's panic must be caught, never end the process: delete this line".to_owned());
            }
        }
        check_ending(file, report);
    }
}

/// Words that are refused together. Compared as whole words, and without regard to case unless they are paths.
struct Rule {
    words: &'static [&'static str],
    /// Files in which they can't be avoided.
    except: &'static [&'static str],
    instead: &'static str,
}

/// The words are put together from halves, so that this file keeps its own rules.
const RULES: &[Rule] = &[
    Rule {
        words: &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")],
        except: &[],
        instead: "a path of one machine: write it relative to the repository, or as a placeholder",
    },
    Rule {
        words: &[
            concat!("crates", ".io"),
            concat!("registry.", "npmjs.org"),
            concat!("registry.", "yarnpkg.com"),
            concat!("py", "pi.org"),
            concat!("files.", "pythonhosted.org"),
            concat!("proxy.", "golang.org"),
            concat!("deb.", "debian.org"),
        ],
        // Cargo writes the name of its default registry into every entry.
        except: &["Cargo.lock", "fuzz/Cargo.lock"],
        instead: "the host of a package registry: the package managers know theirs, and mirrors differ",
    },
    Rule {
        words: &[
            concat!("work", "tree"),
            concat!("helper ", "session"),
            concat!("sub", "agent"),
            concat!("AI ", "assistant"),
            concat!("language ", "model"),
            concat!("co-authored", "-by"),
            concat!("../sha", "red"),
            concat!("BUILD", "-NOTES"),
            concat!("HOT", "-PATH"),
        ],
        except: &[],
        instead: "about how this came to be, not about what it is: leave it out",
    },
];

/// Whether a word stands in a line, not as a part of a longer one.
fn contains(line: &str, word: &str) -> bool {
    // A folder's name has its case: that of a Mac's users is not that of a route.
    let fold = |text: &str| if word.starts_with('/') { text.to_owned() } else { text.to_lowercase() };
    let (line, word) = (fold(line), fold(word));
    line.match_indices(&word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let joined = |c: char| is_word(c) || matches!(c, '.' | '-' | '~' | '}' | '$');
        let begins =
            if word.starts_with('/') { before.is_none_or(|c| !joined(c)) } else { before.is_none_or(|c| !is_word(c)) };
        let ends = word.ends_with('/') || after.is_none_or(|c| !is_word(c));
        begins && ends
    })
}

/// A page with a name in capitals, where no such file exists: only pages of the house are named like that.
fn absent_pages<'a>(line: &'a str, pages: &HashSet<&str>) -> Vec<&'a str> {
    line.split(|c: char| !(is_word(c) || matches!(c, '.' | '-')))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| {
            let stem = word.strip_suffix(".md").unwrap_or_default();
            stem.starts_with(|c: char| c.is_ascii_uppercase())
                && stem.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '_' | '-'))
                && !pages.contains(word)
        })
        .collect()
}

/// Inputs of the fuzz targets: bytes, of which each counts.
const INPUTS: &str = "fuzz/seeds/";

/// Editors disagree about the last line's end, and every disagreement is a difference in a review.
fn check_ending(file: &File, report: &mut Report) {
    if file.path.starts_with(INPUTS) {
        return;
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        report.violation(&file.path, file.text.lines().count(), "the last line has no end: add one");
    }
    for (index, line) in file.text.split('\n').enumerate() {
        if line.ends_with('\r') || (line.ends_with([' ', '\t']) && !file.path.ends_with(".md")) {
            report.violation(&file.path, index + 1, "blanks at the end of the line: delete them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let files = [(path, text), ("ARCHITECTURE.md", "")];
        let mut report = Report::default();
        check(&Tree::of(files.map(|(path, text)| (path.to_owned(), text.to_owned()))), &mut report);
        report.violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_word_of_each_rule_is_found_whatever_its_case_unless_it_is_a_path() {
        for word in RULES.iter().flat_map(|rule| rule.words) {
            for text in [format!("see {word}x\n"), format!("see {}x\n", word.to_uppercase())] {
                let text = if word.ends_with('/') { text } else { text.replace("x\n", "\n") };
                let is_other = word.starts_with('/') && !text.contains(word);
                assert_eq!(found("docs/a.md", &text).len(), usize::from(!is_other), "{text}");
            }
        }
    }

    #[test]
    fn parts_of_longer_paths_and_words_are_left_alone() {
        let text = concat!(
            "src/wo",
            "rk/a.rs ./ho",
            "me/x $HOME/ho",
            "me/x https://example.com/ho",
            "me/ not",
            "work",
            "trees2\n"
        );
        assert_eq!(found("docs/a.md", text), Vec::<String>::new());
    }

    #[test]
    fn the_lock_file_may_name_the_registry() {
        let line = concat!("source = \"registry+https://github.com/rust-lang/crates", ".io-index\"\n");
        assert_eq!(found("Cargo.lock", line).len(), 0);
        assert_eq!(found("deny.toml", line).len(), 1);
    }

    #[test]
    fn a_page_that_is_not_here_is_found_and_one_that_is_here_is_not() {
        let absent = concat!("SECRETS", ".md");
        let text = format!("ARCHITECTURE.md, a.md and README.md2 are fine; see {absent}.\n");
        let found = found("src/a.rs", &text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("src/a.rs:1: `{absent}` is not")), "{found:?}");
    }

    #[test]
    fn a_manifest_must_not_abort_on_panic() {
        assert_eq!(found("Cargo.toml", "[profile.release]\npanic = \"abort\"\n").len(), 1);
        assert_eq!(found("Cargo.toml", "# panic = \"abort\" would be wrong\npanic = \"unwind\"\n").len(), 0);
    }

    #[test]
    fn line_ends_are_checked() {
        assert_eq!(found("a.rs", "x").len(), 1);
        assert_eq!(found("a.rs", "x \ny\r\n").len(), 2);
        assert_eq!(found("a.md", "x  \ny\n").len(), 0);
        assert_eq!(found("a.rs", "").len(), 0);
        assert_eq!(found("fuzz/seeds/frames/a", "x \r\ny").len(), 0);
    }
}
