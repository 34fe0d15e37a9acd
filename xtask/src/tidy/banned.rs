//! Banned calls: each has one home, or none, and a reason.
//!
//! clippy bans the same methods by their resolved path (`clippy.toml`); this rule also sees macros, attributes and
//! tests, and answers in a second.

use super::report::Report;
use super::source::{Source, is_word, line_of};
use super::tree::{File, Part, Tree};

/// Checks every Rust file against the bans.
pub(super) fn check(tree: &Tree, report: &mut Report) {
    for file in &tree.files {
        let Some(source) = &file.source else { continue };
        for ban in BANS.iter().filter(|ban| !ban.homes.contains(&file.path.as_str())) {
            for what in ban.what {
                let found = occurrences(&source.code, what).map(|at| line_of(&source.code, at));
                for line in found.filter(|line| ban.scope.covers(file, source, *line)) {
                    report.violation(&file.path, line, format!("`{what}`: {}", ban.instead));
                }
            }
        }
        check_doc_examples(file, report);
    }
}

/// Calls that are banned together.
struct Ban {
    /// Matched as whole words in code, never in comments or literals. One that begins with a letter does not match
    /// behind a letter or a dot.
    what: &'static [&'static str],
    scope: Scope,
    /// The files that may.
    homes: &'static [&'static str],
    /// Why, and what to do.
    instead: &'static str,
}

/// Where a ban holds.
enum Scope {
    /// What runs for users: `src` of `crates/*` but testkit, and of `examples/*`, outside `#[cfg(test)]`.
    Product,
    /// Integration tests and `#[cfg(test)]`.
    Tests,
    Everywhere,
}

impl Scope {
    fn covers(&self, file: &File, source: &Source, line: usize) -> bool {
        let is_test = file.part() == Part::Tests || source.is_test_line(line);
        match self {
            Self::Product => file.part() == Part::Product && !is_test,
            Self::Tests => is_test,
            Self::Everywhere => true,
        }
    }
}

const BANS: &[Ban] = &[
    Ban {
        what: &[
            "Instant::now",
            "SystemTime::now",
            "Utc::now",
            "Local::now",
            "Timestamp::now",
            "Zoned::now",
            ".elapsed()",
        ],
        scope: Scope::Product,
        homes: &["crates/engine/src/clock.rs"],
        instead: "only the clock reads time, so that tests can step it: take the `Now` you are given, or ask the clock",
    },
    Ban {
        what: &["tokio::spawn", "task::spawn"],
        scope: Scope::Product,
        homes: &["crates/server/src/tasks.rs"],
        instead: "an untracked task outlives shutdown and swallows its panic: spawn through the task tracker",
    },
    Ban {
        what: &["unbounded_channel", "mpsc::unbounded", "mpsc::channel()", "mpsc::channel::<", "flume::unbounded"],
        scope: Scope::Product,
        homes: &[],
        instead: "every queue has a bound and says beside it what happens when it is full: use a bounded channel",
    },
    Ban {
        what: &["sleep(", "sleep_until("],
        scope: Scope::Tests,
        homes: &[],
        instead: "a sleep is no synchronisation: step the clock by hand, or wait for the event",
    },
    Ban { what: &["#[ignore"], scope: Scope::Everywhere, homes: &[], instead: "a test either runs or is deleted" },
    Ban {
        what: &["#[allow(", "#![allow("],
        scope: Scope::Everywhere,
        homes: &[],
        instead: "write `#[expect(lint, reason = \"…\")]`, which tells when it is no longer needed",
    },
    Ban {
        what: &["todo!", "unimplemented!"],
        scope: Scope::Everywhere,
        homes: &[],
        instead: "nothing lands half: finish it, or leave it out",
    },
    Ban {
        what: &[".unwrap()"],
        scope: Scope::Product,
        homes: &[],
        instead: "return the error, or `expect(\"why it cannot fail\")`",
    },
    Ban {
        what: &[
            "counter!(",
            "gauge!(",
            "histogram!(",
            "describe_counter!(",
            "describe_gauge!(",
            "describe_histogram!(",
        ],
        scope: Scope::Product,
        homes: &["crates/engine/src/metrics.rs", "crates/server/src/metrics.rs", "crates/notify/src/metrics.rs"],
        instead: "only the metrics module names metrics: add a function there and call it",
    },
];

/// Where a pattern stands, its ends not inside longer words.
fn occurrences<'a>(code: &'a str, what: &'a str) -> impl Iterator<Item = usize> + 'a {
    let begins_as_word = what.starts_with(is_word);
    let ends_as_word = what.ends_with(is_word);
    code.match_indices(what).map(|(at, _)| at).filter(move |at| {
        let (before, after) = (&code[..*at], &code[at + what.len()..]);
        !(begins_as_word && (before.ends_with(is_word) || before.ends_with('.') || before.ends_with("fn ")))
            && !(ends_as_word && after.starts_with(is_word))
    })
}

/// A fenced example that is not compiled goes stale; `no_run`, `compile_fail` and `text` say what is meant.
fn check_doc_examples(file: &File, report: &mut Report) {
    for (index, line) in file.text.lines().enumerate() {
        let line = line.trim_start();
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else { continue };
        let Some(fence) = text.trim_start().strip_prefix("```") else { continue };
        if fence.split([',', ' ']).any(|word| word == "ignore") {
            let message = "an ignored example: let it run, or mark it `no_run`, `compile_fail` or `text`";
            report.violation(&file.path, index + 1, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        let mut report = Report::default();
        check(&Tree::of([(path.to_owned(), text.to_owned())]), &mut report);
        report.violations.iter().map(|violation| violation.line).collect()
    }

    const PRODUCT: &str = "crates/server/src/x.rs";
    const TEST: &str = "crates/server/tests/x.rs";
    const TOOL: &str = "crates/testkit/src/x.rs";

    #[test]
    fn each_ban_fires_on_a_planted_call_and_only_where_it_holds() {
        // The lines that are found in the product, in an integration test, in a tool.
        let cases: &[(&str, [usize; 3])] = &[
            ("let t = Instant::now();", [1, 0, 0]),
            ("let t = std::time::SystemTime::now();", [1, 0, 0]),
            ("let t = start.elapsed();", [1, 0, 0]),
            ("tokio::spawn(work());", [1, 0, 0]),
            ("let (a, b) = tokio::sync::mpsc::unbounded_channel();", [1, 0, 0]),
            ("let (a, b) = mpsc::channel();", [1, 0, 0]),
            ("let (a, b) = mpsc::channel::<u8>();", [1, 0, 0]),
            ("std::thread::sleep(d);", [0, 1, 0]),
            ("tokio::time::sleep(d).await;", [0, 1, 0]),
            ("sleep(d).await;", [0, 1, 0]),
            ("#[ignore]", [1, 1, 1]),
            ("#[ignore = \"slow\"]", [1, 1, 1]),
            ("#[allow(dead_code)]", [1, 1, 1]),
            ("#![allow(dead_code)]", [1, 1, 1]),
            ("todo!()", [1, 1, 1]),
            ("unimplemented!(\"x\")", [1, 1, 1]),
            ("let x = y.unwrap();", [1, 0, 0]),
            ("metrics::counter!(\"x\").increment(1);", [1, 0, 0]),
            ("describe_gauge!(\"x\", \"y\");", [1, 0, 0]),
            ("/// ```ignore", [1, 1, 1]),
        ];
        for (code, expected) in cases {
            for (path, count) in [PRODUCT, TEST, TOOL].into_iter().zip(expected) {
                assert_eq!(found(path, code).len(), *count, "{code} in {path}");
            }
        }
    }

    #[test]
    fn what_only_resembles_a_banned_call_is_not_found() {
        let clean = "// Instant::now, todo!, #[allow(x)]\nlet a = \"Instant::now #[ignore]\";\nlet b = MyInstant::nowhere();\nlet (c, d) = mpsc::channel(8);\nlet e = f.unwrap_or(1);\nclock.sleep(g).await;\nfn sleep(h: u8) {}\nlet i = asleep(j);\n/// ```no_run\n#[expect(dead_code, reason = \"x\")]\nmy_counter!(1);\n";
        for path in [PRODUCT, TEST, TOOL] {
            assert_eq!(found(path, clean), Vec::<usize>::new(), "{path}");
        }
    }

    #[test]
    fn a_home_may_do_what_others_may_not() {
        assert_eq!(found("crates/engine/src/clock.rs", "Instant::now();").len(), 0);
        assert_eq!(found("crates/engine/src/metrics.rs", "counter!(\"x\");").len(), 0);
        assert_eq!(found("crates/engine/src/clock.rs", "tokio::spawn(x);").len(), 1);
    }

    #[test]
    fn test_code_beneath_the_product_is_judged_as_test_code() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n        c.unwrap();\n        sleep(d);\n    }\n}\n";
        assert_eq!(found(PRODUCT, text), [6]);
    }
}
