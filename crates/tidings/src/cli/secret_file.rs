//! The secret that the first start writes for itself.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::TryRng;

/// A secret read from a file.
pub(super) struct SecretFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The key's bytes.
    pub(super) secret: String,
    /// Whether it was made just now.
    pub(super) made: bool,
}

/// The file's name within the data folder.
const NAME: &str = "secret.key";

/// As long as the output of HS256's hash, which RFC 7518 §3.2 asks for.
const RANDOM_BYTES: usize = 32;

/// Reads a secret of the data folder, or keeps this one, readable by the owner alone.
#[cfg(feature = "web-push")]
pub(super) fn ensure_of(folder: &Path, name: &str, secret: &str) -> anyhow::Result<SecretFile> {
    keep(folder, name, secret)
}

/// Reads the data folder's secret, or makes one: random bytes in base64url (RFC 4648 §5), readable by the owner alone.
/// The text itself is the key, so that other programs can sign with it without decoding.
pub(super) fn ensure(folder: &Path) -> anyhow::Result<SecretFile> {
    let mut random = [0; RANDOM_BYTES];
    rand::rngs::SysRng.try_fill_bytes(&mut random).context("ask the system for random bytes")?;
    keep(folder, NAME, &URL_SAFE_NO_PAD.encode(random))
}

fn keep(folder: &Path, name: &str, text: &str) -> anyhow::Result<SecretFile> {
    let path = folder.join(name);
    match write_new(folder, &path, text) {
        Ok(()) => Ok(SecretFile { path, secret: text.to_owned(), made: true }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok(SecretFile { secret: read(&path)?, path, made: false })
        }
        Err(error) => Err(error).with_context(|| format!("write {}", path.display())),
    }
}

/// Reads the data folder's secret, and makes none.
pub(super) fn find(folder: &Path) -> anyhow::Result<SecretFile> {
    let path = folder.join(NAME);
    Ok(SecretFile { secret: read(&path)?, path, made: false })
}

/// Reads a secret; white space around it is dropped.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("read the secret in {shown}"))?;
    let text = text.trim();
    ensure!(
        text.len() >= RANDOM_BYTES,
        "the secret in {shown} is shorter than {RANDOM_BYTES} bytes, which can be guessed"
    );
    let mode = std::fs::metadata(path).with_context(|| format!("look at {shown}"))?.mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %shown, mode = format!("{:o}", mode & 0o777), "others can read the secret: chmod 600 it");
    }
    Ok(text.to_owned())
}

/// Writes beside and links into place, so that no reader ever sees half a secret, and of two first starts one wins.
fn write_new(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    if path.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&beside, path));
    std::fs::remove_file(&beside)?;
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_secret_for_its_owner_alone_and_the_second_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = ensure(folder.path()).unwrap();
        assert!(first.made && first.secret.len() == 43);
        assert_eq!(std::fs::metadata(&first.path).unwrap().mode() & 0o777, 0o600);
        let second = ensure(folder.path()).unwrap();
        assert!(!second.made);
        assert_eq!(first.secret, second.secret);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_short_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "short\n").unwrap();
        assert!(ensure(folder.path()).err().unwrap().to_string().contains("shorter than 32 bytes"));
    }
}
