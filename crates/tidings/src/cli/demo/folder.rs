//! A data folder for one demo.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// Where a demo keeps its data.
pub(super) struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    /// The one that was asked for, or a new one of its own among the system's temporary files, deleted when dropped.
    pub(super) fn new(asked: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = asked {
            return Ok(Self { path: path.to_path_buf(), temporary: false });
        }
        let path =
            std::env::temp_dir().join(format!("tidings-demo-{}-{:08x}", std::process::id(), rand::random::<u32>()));
        // Not recursive, so that a folder somebody else put there is refused.
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Self { path, temporary: true })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What can't be deleted is left to the system, which clears its temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
