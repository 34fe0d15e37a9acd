//! How a measured server is set up: every feature on, as in production, with limits that are checked and never reached.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::follows;
use crate::identity::{Identity, Mint, insert_sessions};
use crate::lists::Lists;

/// What of the server's set-up a scenario decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Setup {
    /// What connections show at their upgrade.
    pub identity: Identity,
    /// Types of messages that are not kept though they declare that they are: in the configuration's words.
    pub not_kept: &'static [&'static str],
    /// Whether a backend has a part in it, which needs a service key.
    pub backend: bool,
    /// Conversations that users have before the server starts.
    pub lists: Option<Lists>,
    /// Followers of one user, before the server starts; 0 without.
    pub followers: usize,
    /// Whether it is killed as soon as it serves, and started again.
    pub restarted: bool,
    /// Threads that serve connections; `None` leaves it to the server.
    pub shards: Option<u16>,
    /// Added to each sync of a file.
    pub slower_sync: Duration,
    /// Members of a group that are online, for the floor, which knows no groups: the users 1 to N are one, and so on. 0
    /// without groups.
    pub online_in_a_group: usize,
}

/// Limits that are in force and count each connection and message, and are too high to refuse any.
const LIMITS: [(&str, &str); 7] = [
    ("TIDINGS_LIMITS__CONNECTIONS_PER_ADDRESS", "1000000"),
    ("TIDINGS_LIMITS__HTTP_CONNECTIONS", "100000"),
    ("TIDINGS_LIMITS__HTTP_CONNECTIONS_PER_ADDRESS", "100000"),
    ("TIDINGS_TYPES__BROADCAST__LIMIT", "1000000000/s"),
    ("TIDINGS_TYPES__PRIVATE__LIMIT", "1000000000/s"),
    ("TIDINGS_TYPES__GROUP__LIMIT", "1000000000/s"),
    // Users may broadcast with `--dev` only, unless it is said.
    ("TIDINGS_TYPES__BROADCAST__SENDERS", "users"),
];

/// The environment variable of the library in `bench/slow-sync`.
const SLOWER_SYNC: &str = "SLOW_SYNC_MICROS";

/// The library itself, as cargo names it.
const SLOWER_SYNC_LIBRARY: &str = "libslow_sync.so";

/// The database in the data folder.
const DATABASE: &str = "tidings.db";

impl Setup {
    /// The environment of a server whose own files go into `folder`.
    ///
    /// # Errors
    /// A key that can't be made; the library that slows syncs down isn't built.
    pub fn environment(&self, mint: &mut Mint, folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
        let named = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut all: Vec<(String, String)> = LIMITS.map(named).to_vec();
        all.extend(mint.settings(self.identity, folder)?.into_iter().map(|(name, value)| (name.to_owned(), value)));
        all.extend(
            self.not_kept
                .iter()
                .map(|name| (format!("TIDINGS_TYPES__{}__KEEP", name.to_uppercase()), "never".to_owned())),
        );
        all.extend(self.shards.map(|shards| ("TIDINGS_ENGINE__SHARDS".to_owned(), shards.to_string())));
        if !self.slower_sync.is_zero() {
            all.push((SLOWER_SYNC.to_owned(), self.slower_sync.as_micros().to_string()));
            let library = slower_sync_library()?;
            if !library.exists() {
                bail!("{} is missing: `cargo build --release -p slow-sync`", library.display());
            }
            all.push(("LD_PRELOAD".to_owned(), library.to_string_lossy().into_owned()));
        }
        Ok(all)
    }

    /// What must be in the data folder before the server starts: a service key, whose text is returned, sessions and
    /// conversations.
    ///
    /// # Errors
    /// The program doesn't make a key; the database doesn't take the rest.
    pub fn prepare(
        &self,
        program: &str,
        environment: &[(String, String)],
        data: &Path,
        users: usize,
    ) -> anyhow::Result<Option<String>> {
        let sessions = self.identity == Identity::Session;
        if !self.backend && !sessions && self.lists.is_none() && self.followers == 0 {
            return Ok(None);
        }
        let run = |words: &[&str]| {
            let output = Command::new(program)
                .args(words)
                .arg("--data")
                .arg(data)
                .envs(environment.iter().map(|(name, value)| (name, value)))
                .env_remove("LD_PRELOAD")
                .output()
                .with_context(|| format!("can't start {program} (is it built? `cargo build --release`)"))?;
            if !output.status.success() {
                let (words, why) = (words.join(" "), String::from_utf8_lossy(&output.stderr));
                bail!("`{program} {words}` failed: {}", why.trim());
            }
            Ok(output.stdout)
        };
        let key = run(&["keys", "new", "--name", "bench"])?;
        if sessions {
            insert_sessions(&data.join(DATABASE), users).context("the sessions can't be put into the database")?;
        }
        if let Some(lists) = self.lists {
            lists.insert(&data.join(DATABASE)).context("the conversations can't be put into the database")?;
        }
        if self.followers > 0 {
            // The tables of packs are made by what serves them.
            run(&["migrate"])?;
            follows::insert(&data.join(DATABASE), self.followers)
                .context("the follows can't be put into the database")?;
        }
        Ok(Some(String::from_utf8(key).context("a key is text")?.trim().to_owned()))
    }
}

/// Where the library is that slows syncs down: cargo puts it beside this program.
///
/// # Errors
/// This program doesn't know where it lies.
pub fn slower_sync_library() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program doesn't know where it lies")?;
    Ok(own.with_file_name(SLOWER_SYNC_LIBRARY))
}

/// Bytes of the database's write-ahead log; 0 where there is none.
#[must_use]
pub fn log_bytes(data: &Path) -> u64 {
    std::fs::metadata(data.join(format!("{DATABASE}-wal"))).map_or(0, |file| file.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(setup: Setup, name: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let environment = setup.environment(&mut Mint::default(), folder.path()).unwrap();
        environment.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    #[test]
    fn limits_are_never_lifted() {
        assert_eq!(value(Setup::default(), "TIDINGS_LIMITS__ENABLED"), None, "they are on unless it is said");
        for (name, most) in LIMITS {
            assert_eq!(value(Setup::default(), name).as_deref(), Some(most));
        }
    }

    #[test]
    fn what_a_scenario_decides_is_in_the_environment() {
        let setup = Setup { not_kept: &["private"], shards: Some(2), identity: Identity::Es256, ..Setup::default() };
        assert_eq!(value(setup, "TIDINGS_TYPES__PRIVATE__KEEP").as_deref(), Some("never"));
        assert_eq!(value(setup, "TIDINGS_ENGINE__SHARDS").as_deref(), Some("2"));
        assert_eq!(value(setup, "TIDINGS_AUTH__ALGORITHM").as_deref(), Some("ES256"));
        assert_eq!(value(Setup::default(), "TIDINGS_ENGINE__SHARDS"), None, "the server decides");
    }

    #[test]
    fn a_server_that_makes_no_key_is_told_with_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup { backend: true, ..Setup::default() };
        let error = setup.prepare("false", &[], folder.path(), 1).unwrap_err().to_string();
        assert!(error.contains("keys new"), "{error}");
        assert_eq!(Setup::default().prepare("false", &[], folder.path(), 1).unwrap(), None, "nobody asked for one");
    }
}
