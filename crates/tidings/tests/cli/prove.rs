//! `tidings prove`, on the program itself.

use std::{fs, path::Path, process::Command};

use crate::support::process::{command, run};

fn left_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_good_store_is_proven_on_one_line_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    // Somebody's database is no business of the run's.
    fs::write(folder.path().join("tidings.db"), "mine").unwrap();
    let output = run(folder.path(), &["prove", "--kills", "3", "--data", "."]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let words: Vec<_> = output.stdout.trim().split(", ").collect();
    let [kills, acknowledged, "lost 0", "doubled 0", rest] = words[..] else { panic!("{}", output.stdout) };
    assert_eq!(kills, "3 kills");
    assert!(acknowledged.starts_with("acknowledged ") && rest.starts_with("out of order 0 (in "), "{}", output.stdout);
    assert_eq!(left_in(folder.path()), ["tidings.db"]);
    assert_eq!(fs::read_to_string(folder.path().join("tidings.db")).unwrap(), "mine");
}

#[test]
fn a_store_that_acknowledges_before_its_commit_is_found_and_its_folder_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut prove: Command = command(folder.path(), &["prove", "--kills", "30", "--data", "here"]);
    let output = prove.env("TIDINGS_TEST_PLANT", "acknowledge-long-before-commit").output().unwrap();
    let (said, why) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{said}{why}");
    assert!(said.contains(" kills, acknowledged ") && !said.contains(", lost 0, "), "{said}{why}");
    assert!(why.contains("error: the first problem: ") && why.contains("are kept in "), "{why}");
    let left = left_in(&folder.path().join("here"));
    let [kept] = &left[..] else { panic!("{left:?}") };
    assert!(folder.path().join("here").join(kept).join("data/tidings.db").exists() && why.contains(kept), "{why}");
}

#[test]
fn what_a_kill_cannot_show_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["prove", "--help"]).stdout;
    assert!(help.contains("a killed process is no power cut"), "{help}");
    assert_eq!(run(folder.path(), &["prove", "--kills", "3"]).code, Some(2), "a folder must be named");
}
