//! `cargo xtask test`: every test of the workspace, doc tests too, and one line of counts at the end.

use std::io::{self, BufRead, BufReader, Write};
use std::ops::AddAssign;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::setup;

/// Runs all tests and prints `N passed, N failed` as the last line. `Ok(false)` if any failed, if a build or a test
/// program broke, or if none ran.
///
/// A run of `cargo test` that breaks without a failed test (a compile error, a crashed test program) counts as one
/// failure, so the last line never says that all is well when it is not.
///
/// # Errors
/// What the tests need is missing and can't be installed, or cargo can't be started.
pub(crate) fn run(root: &Path, thorough: bool) -> Result<bool> {
    setup::ensure(root)?;
    let mut total = Tally::default();
    for arguments in RUNS {
        total += cargo_test(root, arguments, thorough)?;
    }
    if total.ignored > 0 {
        eprintln!("xtask: {} tests are ignored; a test either runs or is deleted", total.ignored);
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(total.failed == 0 && total.passed > 0)
}

/// `--all-targets` leaves doc tests out, so they are a run of their own. Both resolve the same features, so the
/// dependencies are built once. The last has what the default build leaves out, and builds no more than that anew.
const RUNS: [&[&str]; 3] = [
    &["--all-targets", "--no-fail-fast"],
    &["--doc", "--no-fail-fast"],
    &["--features", "tidings/tls", "--test", "cli", "--no-fail-fast", "--", "tls::"],
];

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
    }
}

fn cargo_test(root: &Path, arguments: &[&str], thorough: bool) -> Result<Tally> {
    let mut command = crate::cargo();
    command.args(["test", "--workspace"]).args(arguments).current_dir(root);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    if thorough {
        command.env("TIDINGS_THOROUGH", "1").env("PROPTEST_CASES", "4096");
    }
    let mut cargo = command.spawn().context("start cargo test")?;
    let output = BufReader::new(cargo.stdout.take().expect("standard output was asked to be a pipe"));
    let mut tally = relay(output, &mut io::stdout().lock()).context("read what cargo test says")?;
    let status = cargo.wait().context("wait for cargo test")?;
    if !status.success() && tally.failed == 0 {
        let arguments = arguments.join(" ");
        eprintln!("xtask: `cargo test --workspace {arguments}` broke ({status}): counted as one failure");
        tally.failed = 1;
    }
    Ok(tally)
}

/// Passes everything on as it comes, and adds up the result lines in it.
fn relay(mut from: impl BufRead, to: &mut impl Write) -> io::Result<Tally> {
    let mut total = Tally::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        if let Some(tally) = result_line(&String::from_utf8_lossy(&line)) {
            total += tally;
        }
        line.clear();
    }
    Ok(total)
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`, the line with which libtest ends every test program.
fn result_line(line: &str) -> Option<Tally> {
    let (_verdict, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count =
        |name: &str| counts.split("; ").find_map(|part| part.trim().strip_suffix(name)?.trim_end().parse::<u64>().ok());
    Some(Tally { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored").unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str =
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
    const FAILED: &str =
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";

    #[test]
    fn result_lines_are_added_up_and_everything_is_passed_on() {
        let output = format!("running 4 tests\ntest a ... ok\n\n{PASSED}running 3 tests\n{FAILED}");
        let mut shown = Vec::new();
        let tally = relay(output.as_bytes(), &mut shown).unwrap();
        assert_eq!(tally, Tally { passed: 4, failed: 2, ignored: 1 });
        assert_eq!(String::from_utf8(shown).unwrap(), output);
    }

    #[test]
    fn lines_that_only_resemble_a_result_are_not_counted() {
        for line in ["  test result: ok. 3 passed; 0 failed", "test result: none", "test results: ok. 3 passed"] {
            assert_eq!(result_line(line), None, "{line}");
        }
    }

    #[test]
    fn output_without_an_end_of_line_or_without_utf8_is_passed_on() {
        let mut shown = Vec::new();
        assert_eq!(relay(&b"\xff\xfe half"[..], &mut shown).unwrap(), Tally::default());
        assert_eq!(shown, b"\xff\xfe half");
    }
}
