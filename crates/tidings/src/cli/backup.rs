//! `tidings backup FILE` and `tidings restore FILE`

use std::path::{Path, PathBuf};

use tidings_sqlite::BackupError;

use super::{
    arguments::{Backup, Restore},
    config,
    failure::Failure,
    folder,
    lock::Lock,
    logs,
    output::explain,
    program,
    stores::DATABASE,
};

/// Copies the database, also beside a running server: it reads as one more process does.
pub(super) fn backup(command: &Backup, file: Option<PathBuf>) -> Result<(), Failure> {
    let configuration = config::read(&command.data.sources(file))?.configuration;
    let data = &configuration.server.data;
    if !data.join(DATABASE).exists() {
        return Err(Failure::Usage(format!(
            "there is no database in the data folder {}: name the server's with --data",
            data.display()
        )));
    }
    tidings_sqlite::backup(data, &command.file).map_err(failure)?;
    let bytes = std::fs::metadata(&command.file)?.len();
    explain(&format!(
        "{} is a backup of {}: {bytes} bytes. Put it back with: {} restore {}",
        command.file.display(),
        data.join(DATABASE).display(),
        program::name(),
        word(&command.file),
    ));
    explain(
        "It holds messages, sessions and keys of backends; the secret that signs tokens, and the configuration, are not in it.",
    );
    Ok(())
}

/// Puts a backup in place under the lock of the data folder: never beneath a running server.
pub(super) fn restore(command: &Restore, file: Option<PathBuf>) -> Result<(), Failure> {
    let configuration = config::read(&command.data.sources(file))?.configuration;
    logs::start(&configuration.log);
    let data = &configuration.server.data;
    if !command.file.is_file() {
        return Err(Failure::Usage(format!("there is no file {}", command.file.display())));
    }
    folder::ensure(data)?;
    let _lock = Lock::take(data)?;
    let restored = tidings_sqlite::restore(&command.file, data, command.replace).map_err(failure)?;
    if let Some(kept) = restored.kept {
        explain(&format!("the database that was there is {}: delete it when you need it no more", kept.display()));
    }
    explain(&format!(
        "{} holds what was in {}. Clients are told to drop what they have of another history.",
        data.join(DATABASE).display(),
        command.file.display()
    ));
    Ok(())
}

fn word(path: &Path) -> String {
    program::word(&path.to_string_lossy()).into_owned()
}

/// What is a matter of what was asked ends with 2.
fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Exists { .. } => {
            Failure::Usage(format!("{error}: a backup replaces nothing, choose another name"))
        }
        BackupError::Occupied { .. } => {
            Failure::Usage(format!("{error}; with --replace it is kept beside it under another name"))
        }
        BackupError::Live { .. } | BackupError::NoBackup { .. } => Failure::Usage(error.to_string()),
        BackupError::Newer { .. } => Failure::Usage(format!("{error}: use that version")),
        error => Failure::from(error),
    }
}
