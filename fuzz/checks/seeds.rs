//! The inputs in `seeds`, for the tests that replay them.

use std::{fs, path::Path};

/// Gives every seed of a target to its check.
///
/// # Panics
/// Where a seed does not hold, or none is there: then the folder was not found, and nothing was tested.
pub(crate) fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("list {}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder's entry can be read").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are no seeds in {}", folder.display());
    for path in paths {
        // The last line says which seed it was where one does not hold.
        println!("{}", path.display());
        check(&fs::read(&path).expect("a seed can be read"));
    }
}
