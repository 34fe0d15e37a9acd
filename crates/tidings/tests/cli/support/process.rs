//! The program as a process.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    thread::JoinHandle,
};

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
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said until it listened.
    pub(crate) banner: String,
    rest: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts `tidings serve` on a free port of loopback, and waits until its banner is complete.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Self::spawn(&mut command(folder, &all))
    }

    /// Starts a command that ends in a listening server.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (banner, address) = read_banner(&mut stderr);
        // Read on, so that a full pipe never blocks the server.
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stderr.read_to_string(&mut rest);
            rest
        });
        Self { child, address, banner, rest: Some(rest) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its number.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end, and gives the exit code and what was said after the banner.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.rest.take().unwrap().join().unwrap())
    }

    /// What it prints on standard output.
    pub(crate) fn stdout(&mut self) -> impl BufRead + use<> {
        BufReader::new(self.child.stdout.take().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the banner's last line; a server that does not start ends the test with what it said.
fn read_banner(stderr: &mut BufReader<ChildStderr>) -> (String, SocketAddr) {
    let mut banner = String::new();
    let mut address = None;
    loop {
        let mut line = String::new();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "the server ended:\n{banner}");
        banner.push_str(&line);
        if let Some((_, rest)) = line.split_once("ws://") {
            address = address.or_else(|| rest.split('/').next().unwrap().parse().ok());
        }
        if let (Some(address), true) = (address, line.contains(LAST)) {
            return (banner, address);
        }
    }
}

/// The last line of the banner begins with this.
const LAST: &str = "Stop it with";
