//! The data folder.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path};

use anyhow::Context;

use super::failure::Failure;

/// Makes the folder if it is not there, readable by its owner alone. One that exists keeps its mode.
pub(super) fn ensure(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("make the data folder {}", folder.display()))?;
    Ok(())
}
