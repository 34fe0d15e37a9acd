//! The program as a process.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for anything. Far more than it takes; then the test fails and says what it saw.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a command said and how it ended.
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end, in `folder`, without settings from the environment.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let output = command(folder, arguments).output().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The command, to be changed before it runs.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDINGS_")) {
        command.env_remove(name);
    }
    command
}

/// A server that listens. Killed when dropped, unless it ended before.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// What it said until it listened.
    pub(crate) banner: String,
    log: Arc<Mutex<String>>,
    life: Receiver<Life>,
}

/// What becomes known of a server from what it says.
enum Life {
    Listens(SocketAddr),
    Ended,
}

impl Server {
    /// Starts a command that ends in a listening server, and waits until its banner is complete.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (tell, life) = sync_channel(2);
        let into = log.clone();
        std::thread::spawn(move || follow(stderr, &into, &tell));
        let up = life.recv_timeout(PATIENCE);
        let banner = log.lock().unwrap().clone();
        let Ok(Life::Listens(address)) = up else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server does not listen: {command:?}\n{banner}")
        };
        Self { child, address, banner, log, life }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and gives the exit code and what was said after the banner.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let ended = self.life.recv_timeout(PATIENCE);
        let said = self.log.lock().unwrap()[self.banner.len()..].to_owned();
        assert!(matches!(ended, Ok(Life::Ended)), "the server does not end:\n{said}");
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // Shown by the test runner beneath the failed test.
            eprintln!("--- the server said:\n{}", self.log.lock().unwrap());
        }
    }
}

/// Reads all that the server says, so that a full pipe never blocks it, and keeps the beginning.
fn follow(stderr: ChildStderr, log: &Mutex<String>, tell: &SyncSender<Life>) {
    const KEPT_BYTES: usize = 256 * 1024;
    let mut address = None;
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut log = log.lock().unwrap();
        if log.len() < KEPT_BYTES {
            log.push_str(&line);
            log.push('\n');
        }
        drop(log);
        if let Some((_, rest)) = line.split_once("ws://") {
            address = address.or_else(|| rest.split('/').next().unwrap_or_default().parse().ok());
        }
        if line.contains(LAST)
            && let Some(address) = address.take()
        {
            // The other end may have given up.
            let _ = tell.send(Life::Listens(address));
        }
    }
    let _ = tell.send(Life::Ended);
}

/// The last line of the banner begins with this.
const LAST: &str = "Stop it with";
