//! `tidings prove`, on the program itself.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
};

use rustix::process::{Pid, Signal, kill_process_group};

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
fn an_interrupt_ends_the_run_in_good_order_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut prove: Command = command(folder.path(), &["prove", "--kills", "10000", "--data", "here"]);
    // As a terminal does it: to all of the group.
    let mut child = prove.process_group(0).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("the server runs in") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{found}{said}");
    assert!(said.contains("stopped before the 10000 kills were done"), "{said}");
    assert!(found.contains("lost 0, doubled 0, out of order 0"), "{found}{said}");
    assert_eq!(left_in(&folder.path().join("here")), Vec::<String>::new());
}

#[test]
fn what_a_kill_cannot_show_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["prove", "--help"]).stdout;
    assert!(help.contains("a killed process is no power cut"), "{help}");
    assert_eq!(run(folder.path(), &["prove", "--kills", "3"]).code, Some(2), "a folder must be named");
}
