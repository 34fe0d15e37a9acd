//! `cargo xtask autobahn`: the WebSocket codec against the Autobahn test suite, the trade's own collection of what RFC 6455
//! asks for.
//!
//! # Layout
//! - [`python`]: finds Python 2.7, the only one that the suite runs on, and installs the suite below `target/`
//! - [`report`]: reads what the suite found

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::child::Guarded;

mod python;
mod report;

/// Runs all cases against the engine's example `echo` and prints what came of them by section. `Ok(false)` if any failed or
/// did not run.
///
/// # Errors
/// Python 2.7 is missing (the message holds the lines to install it), the suite can't be installed, the example does not
/// build, or a process does not do its part in time.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let target = crate::target_directory(root)?;
    let folder = target.join("autobahn");
    let suite = python::suite(&folder)?;
    let reports = folder.join("reports");
    if reports.exists() {
        // What an earlier run found must not be taken for this one's.
        fs::remove_dir_all(&reports).with_context(|| format!("delete {}", reports.display()))?;
    }
    build_echo(root)?;
    let mut server = Echo::start(&target)?;
    run_suite(&suite, &folder, &server.url)?;
    let ended = server.process.wait_at_most(Duration::ZERO)?;
    ensure!(ended.is_none(), "the echo server ended before the suite did: {ended:?}");
    let index = reports.join("index.json");
    let text = fs::read_to_string(&index).with_context(|| format!("read {}", index.display()))?;
    let summary = report::read(&text, AGENT).context("the suite's report has an unexpected shape")?;
    print!("{summary}");
    println!("autobahn: each case is explained in {}", reports.join("index.html").display());
    Ok(summary.is_good())
}

/// The name under which the report speaks of the server.
const AGENT: &str = "tidings";

/// The whole suite takes about a minute. One that takes longer is ended, and the chore fails.
const SUITE_LIMIT: Duration = Duration::from_secs(20 * 60);

/// The feature set of the tests, so that nothing is compiled twice; unoptimised, so with the debug assertions.
fn build_echo(root: &Path) -> Result<()> {
    let status = crate::cargo()
        .args(["build", "--quiet", "--package", "tidings-engine", "--example", "echo"])
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .context("start cargo build")?;
    ensure!(status.success(), "the example `echo` does not build ({status})");
    Ok(())
}

/// The running echo server.
struct Echo {
    process: Guarded,
    url: String,
}

impl Echo {
    fn start(target: &Path) -> Result<Self> {
        let mut command = Command::new(target.join("debug").join("examples").join("echo"));
        // It ends with its standard input, so even where this process is killed.
        let mut process = Guarded::spawn("the echo server", command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let output = process.child().stdout.take().expect("standard output was asked to be a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).context("read the echo server's address")?;
        let url = line.trim().to_owned();
        ensure!(url.starts_with("ws://127.0.0.1:"), "the echo server did not say its address but {url:?}");
        Ok(Self { process, url })
    }
}

fn run_suite(suite: &python::Suite, folder: &Path, url: &str) -> Result<()> {
    let specification = folder.join("spec.json");
    let text = json!({
        "outdir": "./reports",
        "servers": [{"agent": AGENT, "url": url}],
        "cases": ["*"],
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    fs::write(&specification, text.to_string()).with_context(|| format!("write {}", specification.display()))?;
    let log_path = folder.join("suite.log");
    let log = fs::File::create(&log_path).with_context(|| format!("create {}", log_path.display()))?;
    println!("autobahn: running the suite against {url}; it takes about a minute, its log is {}", log_path.display());
    let mut command = suite.wstest();
    command.args(["-m", "fuzzingclient", "-s", "spec.json"]).current_dir(folder);
    command.stdin(Stdio::null()).stderr(log.try_clone().context("share the log")?).stdout(log);
    let mut process = Guarded::spawn("the suite", &mut command)?;
    match process.wait_at_most(SUITE_LIMIT)? {
        Some(status) => ensure!(status.success(), "the suite ended with {status}; see {}", log_path.display()),
        None => bail!("the suite did not end within {} minutes and was ended", SUITE_LIMIT.as_secs() / 60),
    }
    Ok(())
}

/// The folders in which a program is looked for.
fn search_path() -> Vec<std::path::PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}
