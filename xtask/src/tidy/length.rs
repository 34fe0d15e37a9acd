//! Lengths: what does not fit a screen, or a head, is split.

use super::report::Report;
use super::source::{line_of, words};
use super::tree::{File, Tree};

/// Checks the lengths of files and functions, and that front files stay front files.
pub(super) fn check(tree: &Tree, report: &mut Report) {
    for file in &tree.files {
        check_file_length(file, report);
        check_functions(file, report);
        check_fronts(file, report);
    }
}

/// A longer file is refused. Tests count too.
const FILE_LINES: usize = 800;

/// A longer file is listed at the end of the report, so that somebody splits it before it must be.
const FILE_LINES_WARN: usize = 400;

/// A longer function is refused: 60 lines are one screen, and a table or a long `match` may need a little more.
const FUNCTION_LINES: usize = 80;

/// The binary's `main.rs` only hands over.
const MAIN_LINES: (&str, usize) = ("crates/tidings/src/main.rs", 40);

fn check_file_length(file: &File, report: &mut Report) {
    if file.source.is_none() {
        return;
    }
    let lines = file.text.lines().count();
    let (main, main_lines) = MAIN_LINES;
    if lines > FILE_LINES {
        report.violation(
            &file.path,
            FILE_LINES + 1,
            format!("{lines} lines, {FILE_LINES} are the limit: split it by noun"),
        );
    } else if lines > FILE_LINES_WARN {
        report.warning(&file.path, FILE_LINES_WARN + 1, format!("{lines} lines; split at {FILE_LINES_WARN}"));
    }
    if file.path == main && lines > main_lines {
        report.violation(
            &file.path,
            main_lines + 1,
            format!("{lines} lines, main.rs has at most {main_lines}: move the work into the library"),
        );
    }
}

fn check_functions(file: &File, report: &mut Report) {
    let Some(source) = &file.source else { return };
    for function in source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES) {
        report.violation(
            &file.path,
            function.line,
            format!(
                "function `{}` has {} lines, {FUNCTION_LINES} are the limit: name its steps and move them into functions",
                function.name, function.lines
            ),
        );
    }
}

/// `mod.rs` holds declarations only, and a `lib.rs` says first what the crate is for.
fn check_fronts(file: &File, report: &mut Report) {
    let Some(source) = &file.source else { return };
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if name == "mod.rs"
        && let Some(function) = source.functions().first()
    {
        report.violation(&file.path, function.line, "a function in mod.rs: move it into a file named after its noun");
    }
    if name == "mod.rs"
        && let Some(at) = words(&source.code, "impl").next()
    {
        let line = line_of(&source.code, at);
        report.violation(&file.path, line, "an impl in mod.rs: move it into a file named after its noun");
    }
    if file.path.ends_with("src/lib.rs") && !file.text.starts_with("//!") {
        report.violation(&file.path, 1, "the crate's purpose is missing: begin lib.rs with `//!`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> (Vec<String>, Vec<String>) {
        let mut report = Report::default();
        check(&Tree::of([(path.to_owned(), text.to_owned())]), &mut report);
        let show = |findings: Vec<super::super::report::Finding>| findings.iter().map(ToString::to_string).collect();
        (show(report.violations), show(report.warnings))
    }

    #[test]
    fn a_file_over_800_lines_is_refused_and_one_over_400_only_mentioned() {
        let (refused, mentioned) = found("crates/a/src/x.rs", &"// x\n".repeat(801));
        assert_eq!(refused, ["crates/a/src/x.rs:801: 801 lines, 800 are the limit: split it by noun"]);
        assert!(mentioned.is_empty());
        let (refused, mentioned) = found("crates/a/tests/x.rs", &"// x\n".repeat(401));
        assert!(refused.is_empty());
        assert_eq!(mentioned, ["crates/a/tests/x.rs:401: 401 lines; split at 400"]);
        assert_eq!(found("crates/a/src/x.rs", &"// x\n".repeat(400)), (vec![], vec![]));
        assert_eq!(found("docs/long.md", &"x\n".repeat(2000)), (vec![], vec![]));
    }

    #[test]
    fn a_function_over_80_lines_is_refused() {
        let long = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(79));
        let (refused, _) = found("crates/a/src/x.rs", &long);
        assert_eq!(refused.len(), 1);
        assert!(refused[0].starts_with("crates/a/src/x.rs:1: function `long` has 81 lines"), "{refused:?}");
        let fitting = format!("fn fits() {{\n{}}}\n", "    step();\n".repeat(78));
        assert_eq!(found("crates/a/src/x.rs", &fitting), (vec![], vec![]));
    }

    #[test]
    fn the_binarys_main_has_at_most_40_lines() {
        assert_eq!(found("crates/tidings/src/main.rs", &"// x\n".repeat(41)).0.len(), 1);
        assert_eq!(found("crates/tidings/src/main.rs", &"// x\n".repeat(40)).0.len(), 0);
        assert_eq!(found("bench/src/main.rs", &"// x\n".repeat(41)).0.len(), 0);
    }

    #[test]
    fn logic_in_a_mod_file_is_refused_and_declarations_are_not() {
        assert_eq!(found("crates/a/src/b/mod.rs", "//! B.\nmod c;\npub use c::C;\n").0.len(), 0);
        assert_eq!(found("crates/a/src/b/mod.rs", "mod c;\nfn d() {}\n").0.len(), 1);
        assert_eq!(found("crates/a/src/b/mod.rs", "mod c;\nimpl C {\n    const X: u8 = 1;\n}\n").0.len(), 1);
    }

    #[test]
    fn a_library_says_first_what_it_is_for() {
        assert_eq!(found("crates/a/src/lib.rs", "//! The a.\n").0.len(), 0);
        assert_eq!(found("crates/a/src/lib.rs", "mod b;\n").0.len(), 1);
        assert_eq!(found("xtask/src/lib.rs", "").0.len(), 1);
    }
}
