//! A message type is one file of at most 40 lines. What registering one touches is counted where `tidings new message` is tested.

use std::{fs, path::Path};

#[test]
fn the_type_is_one_file_of_at_most_40_lines() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files: Vec<_> = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("the type is one file, not {files:?}") };
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("impl Message for Poke"));
    assert!(text.lines().count() <= 40, "the type has {} lines", text.lines().count());
}
