//! A server to start, and to start again on the same folder.

use std::path::Path;

use tempfile::TempDir;

use crate::support::process::{Server, command, run};

/// A folder, arguments and settings.
pub(crate) struct Plan {
    folder: TempDir,
    arguments: Vec<&'static str>,
    settings: Vec<(String, String)>,
}

impl Plan {
    /// `tidings serve --dev`: `?user=7` is believed.
    pub(crate) fn dev() -> Self {
        Self::production().argument("--dev")
    }

    /// `tidings serve`: identity by tokens and keys.
    pub(crate) fn production() -> Self {
        let arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data", "data"];
        Self { folder: tempfile::tempdir().unwrap(), arguments, settings: Vec::new() }
    }

    /// With a server that is spread over so many threads.
    pub(crate) fn shards(self, shards: u16) -> Self {
        self.set("ENGINE__SHARDS", shards)
    }

    /// Without limits of rates and numbers of connections, and with room for many files.
    pub(crate) fn unlimited(self) -> Self {
        self.set("LIMITS__ENABLED", false)
    }

    /// With a setting, by its name in the environment without `TIDINGS_`.
    pub(crate) fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((format!("TIDINGS_{name}"), value.to_string()));
        self
    }

    pub(crate) fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, or starts it again.
    pub(crate) fn start(&self) -> Server {
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        Server::spawn(command(self.folder(), &self.arguments).envs(settings))
    }

    /// What a command prints that has to succeed on this folder.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = run(self.folder(), &[arguments, &["--data", "data"]].concat());
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
        output.stdout.trim().to_owned()
    }

    /// A new token of a user.
    pub(crate) fn token(&self, user: &str) -> String {
        self.says(&["token", "new", "--user", user])
    }

    /// A new service key that may do everything.
    pub(crate) fn key(&self) -> String {
        self.says(&["keys", "new", "--name", "proof"])
    }
}
