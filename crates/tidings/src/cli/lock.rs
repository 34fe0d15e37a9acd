//! The lock on the data folder: one server at a time.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// A data folder that this process alone serves. Let go when dropped, or by the kernel when the process ends in any
/// way, so a file that a dead process left behind is no obstacle.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// Why a data folder was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum LockError {
    #[error("the data folder {} is in use by another process ({holder}): stop it, or choose another folder with --data", folder.display())]
    Taken { folder: PathBuf, holder: String },
    #[error("lock {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// The lock's file within the data folder.
const NAME: &str = "tidings.lock";

/// The most that is read of what another process wrote.
const NOTE_BYTES: u64 = 256;

impl Lock {
    /// Takes the folder.
    pub(super) fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let io = |source| LockError::Io { path: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(LockError::Taken { folder: folder.to_path_buf(), holder: holder(&file) });
            }
            Err(error) => return Err(io(error.into())),
        }
        let mut lock = Self { file };
        lock.note(None).map_err(io)?;
        Ok(lock)
    }

    /// Notes for whoever comes second who has the folder, and on which address once it is known.
    pub(super) fn note(&mut self, listen: Option<SocketAddr>) -> std::io::Result<()> {
        let mut text = format!("process {}", std::process::id());
        if let Some(listen) = listen {
            text.push_str(&format!(", listening on {listen}"));
        }
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

fn holder(file: &File) -> String {
    let mut text = String::new();
    match file.take(NOTE_BYTES).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "it has not said which yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_the_folder_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Lock::take(folder.path()).unwrap();
        first.note(Some(([127, 0, 0, 1], 8000).into())).unwrap();
        let said = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(said.contains(&format!("process {}, listening on 127.0.0.1:8000", std::process::id())), "{said}");
        drop(first);
        Lock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_file_that_a_dead_process_left_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "process 1, listening on 127.0.0.1:1, and a long note").unwrap();
        let _lock = Lock::take(folder.path()).unwrap();
        let note = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(note, format!("process {}", std::process::id()));
    }
}
