//! The server as a child process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Plan, ProveError};

/// A server that doesn't listen after this long has failed.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of a log's end that a failure tells.
const LOG_TAIL: usize = 2_000;

/// What this crate and its users give a server to be tested by; all else that begins with `TIDINGS_` is somebody's settings.
const OF_TESTS: &str = "TIDINGS_TEST_";

/// A running server. Dropping it kills it.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts it on the run's folder, on a free port of loopback, and waits until it listens.
    pub(super) fn start(plan: &Plan, more: Option<(&str, &str)>) -> Result<Self, ProveError> {
        match Self::attempt(plan, more) {
            // Ctrl-C came while it still belonged to this process's group. The next is started behind that.
            Err(Unstarted::Interrupted) => Self::attempt(plan, more).map_err(Unstarted::into_error),
            other => other.map_err(Unstarted::into_error),
        }
    }

    fn attempt(plan: &Plan, more: Option<(&str, &str)>) -> Result<Self, Unstarted> {
        let mut command = Command::new(&plan.program);
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data", "data"]);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("TIDINGS_") && !name.starts_with(OF_TESTS) {
                command.env_remove(&*name);
            }
        }
        command.env("TIDINGS_LIMITS__ENABLED", "false");
        command.envs(plan.environment.iter().map(|(name, value)| (name, value))).envs(more);
        command.current_dir(&plan.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let log = plan.folder.join("server.log");
        let into = OpenOptions::new().create(true).append(true).open(&log)?;
        // Ctrl-C in a terminal is meant for whoever runs this, who then ends the server in its own way.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| ProveError::Program(plan.program.clone(), error))?;
        RUNNING.store(child.id(), Ordering::SeqCst);
        let stderr = child.stderr.take().expect("it was asked for above");
        let (tell, told) = sync_channel(1);
        thread::spawn(move || follow(stderr, into, &tell));
        let up = told.recv_timeout(STARTS_WITHIN);
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log };
        match up {
            Ok(address) => server.address = address,
            // It has closed its standard error, so it has ended or is about to.
            Err(RecvTimeoutError::Disconnected) if server.child.wait()?.signal() == Some(Signal::INT.as_raw()) => {
                return Err(Unstarted::Interrupted);
            }
            Err(_) => return Err(ProveError::Silent(server.log_tail()).into()),
        }
        Ok(server)
    }

    /// `SIGKILL`, and waits for the end.
    pub(super) fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        // Until it is waited for, its id is nobody else's.
        RUNNING.store(0, Ordering::SeqCst);
        self.child.wait().map(drop)
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        RUNNING.store(0, Ordering::SeqCst);
        // Both fail only if it has ended and was waited for, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why a server does not listen.
enum Unstarted {
    /// By Ctrl-C, before it had a process group of its own.
    Interrupted,
    Failed(ProveError),
}

impl Unstarted {
    fn into_error(self) -> ProveError {
        match self {
            Self::Interrupted => ProveError::Silent("it was interrupted".into()),
            Self::Failed(error) => error,
        }
    }
}

impl<E: Into<ProveError>> From<E> for Unstarted {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The id of the server that runs, or 0.
static RUNNING: AtomicU32 = AtomicU32::new(0);

/// Kills the server that runs, if one does: for a process that ends at once, which drops nothing.
pub fn end_server() {
    let pid = RUNNING.swap(0, Ordering::SeqCst);
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Passes on what the server says, and tells where it listens once its banner is complete.
fn follow(stderr: ChildStderr, mut into: File, tell: &SyncSender<SocketAddr>) {
    let mut address = None;
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        // A full disk is the server's to report.
        let _ = writeln!(into, "{line}");
        if let Some((_, rest)) = line.split_once("ws://") {
            address = address.or_else(|| rest.split('/').next().unwrap_or_default().parse().ok());
        }
        if line.contains("Stop it with")
            && let Some(address) = address.take()
        {
            // Nobody waits any more where the time was over.
            let _ = tell.send(address);
        }
    }
}
