//! A server as a child process, with its own folder, port and log.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::identity::Mint;
use crate::setup::Setup;

/// A server that doesn't accept connections after this long has failed.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Characters at the log's end that a failure tells.
const LOG_TAIL: usize = 2_000;

/// The data folder within the server's own.
const DATA: &str = "data";

/// How a server is started: words, of which each may hold `{port}` and `{data}` (a fresh folder). The rest is in its
/// environment, see [`Setup::environment`]. No shell is involved: the process started is the one measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    words: Vec<String>,
}

impl Default for CommandLine {
    /// Tidings as the release build left it.
    fn default() -> Self {
        "target/release/tidings serve --listen 127.0.0.1:{port} --data {data}"
            .parse()
            .expect("the default has words and closed quotes")
    }
}

impl FromStr for CommandLine {
    type Err = anyhow::Error;

    /// Splits at blanks, except between quotes (single or double; no escapes).
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for found in text.chars() {
            match (quote, found) {
                (Some(open), _) if found == open => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(found);
                    word.get_or_insert_default();
                }
                (None, _) if found.is_whitespace() => words.extend(word.take()),
                _ => word.get_or_insert_default().push(found),
            }
        }
        words.extend(word);
        if quote.is_some() {
            bail!("the server's command line has an open quote");
        }
        if words.is_empty() {
            bail!("the server's command line is empty");
        }
        Ok(Self { words })
    }
}

impl CommandLine {
    /// The program that it starts.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.words[0]
    }
}

/// A running server; dropping it ends it, by its id, and removes its folder.
pub struct Server {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
    service_key: Option<String>,
}

impl Server {
    /// Starts the floor from `program`, which is this crate's binary, with contents of so many bytes and groups of which so
    /// many members are online (0 without groups).
    ///
    /// # Errors
    /// It doesn't start or doesn't say where it listens.
    pub fn floor(program: &Path, content_bytes: usize, online_in_a_group: usize) -> anyhow::Result<Self> {
        let folder = TempDir::new().context("no folder for the floor's log")?;
        let child = Command::new(program)
            .args(["floor", "--listen", "127.0.0.1:0", "--content-bytes", &content_bytes.to_string()])
            .args(["--online-in-a-group", &online_in_a_group.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("log"))?)
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut server = Self { child, address, folder, service_key: None };
        let stdout = server.child.stdout.take().expect("it was asked for above");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Ok(address) = line.trim().parse() else {
            bail!("the floor didn't say where it listens; its log ends: {}", server.log_tail());
        };
        server.address = address;
        Ok(server)
    }

    /// Starts a server for so many users on a free port and waits until it accepts connections.
    ///
    /// # Errors
    /// It doesn't start, ends, or accepts no connection within 30 s; the end of its log is told.
    pub fn start(command: &CommandLine, setup: &Setup, mint: &mut Mint, users: usize) -> anyhow::Result<Self> {
        let folder = TempDir::new().context("no folder for the server's data")?;
        let data = folder.path().join(DATA);
        fs::create_dir(&data)?;
        let address = free_address()?;
        let fill = |word: &String| {
            word.replace("{port}", &address.port().to_string()).replace("{data}", &data.to_string_lossy())
        };
        let words: Vec<String> = command.words.iter().map(fill).collect();
        let environment = setup.environment(mint, folder.path())?;
        let service_key = setup.prepare(&words[0], &environment, &data, users)?;
        let log = folder.path().join("log");
        let child = spawn(&words, &environment, &log)?;
        let mut server = Self { child, address, folder, service_key };
        server.wait_until_it_accepts()?;
        if setup.restarted {
            server.child.kill().context("the server ended before it was killed")?;
            server.child.wait()?;
            server.child = spawn(&words, &environment, &log)?;
            server.wait_until_it_accepts()?;
        }
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The key of a backend, if its set-up has one.
    #[must_use]
    pub fn service_key(&self) -> Option<&str> {
        self.service_key.as_deref()
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join(DATA)
    }

    /// The end of what it wrote to its standard streams.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }

    fn wait_until_it_accepts(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + STARTS_WITHIN;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it accepted a connection ({status}); its log ends: {}", self.log_tail());
            }
            // While nobody listens, a connection to a port of the ephemeral range may by chance come from that very port
            // and so be connected to itself.
            let probe = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
            if probe.is_ok_and(|probe| probe.local_addr().is_ok_and(|own| own != self.address)) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the server accepted no connection within {STARTS_WITHIN:?}; its log ends: {}", self.log_tail())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended and was waited for, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server that writes into a log, behind what is there.
fn spawn(words: &[String], environment: &[(String, String)], log: &Path) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(log)?;
    Command::new(&words[0])
        .args(&words[1..])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("can't start {} (is it built? `cargo build --release`)", words[0]))
}

/// A port that was free a moment ago.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on the loopback")?;
    Ok(listener.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.parse::<CommandLine>().unwrap().words
    }

    fn start(command: &CommandLine) -> Option<anyhow::Error> {
        Server::start(command, &Setup::default(), &mut Mint::default(), 1).err()
    }

    #[test]
    fn words_end_at_blanks_but_not_between_quotes() {
        assert_eq!(words("serve  --listen 127.0.0.1:{port}"), ["serve", "--listen", "127.0.0.1:{port}"]);
        assert_eq!(words(r#"'my server' --name "a 'b' c" ''"#), ["my server", "--name", "a 'b' c", ""]);
        assert!("".parse::<CommandLine>().is_err());
        assert!("serve 'open".parse::<CommandLine>().is_err());
    }

    #[test]
    fn a_server_that_ends_at_once_is_told_with_its_last_words() {
        let command = r#"sh -c "echo no such port {port} >&2; exit 3""#.parse().unwrap();
        let error = start(&command).expect("it ended").to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such port"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_says_how_to_build_it() {
        let command = "no/such/program {port}".parse().unwrap();
        let error = start(&command).expect("there is none").to_string();
        assert!(error.contains("cargo build --release"), "{error}");
    }
}
