//! `cargo xtask fuzz`: libFuzzer on the targets of the folder `fuzz`, bounded in time and memory.
//!
//! # Layout
//! - [`log`]: reads what libFuzzer says

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::child::Guarded;
use crate::nightly;

use self::log::Findings;

mod log;

/// The targets.
pub(crate) const TARGETS: [&str; 2] = ["frames", "envelope"];

/// Runs a target, or all one after another, for so many seconds each, and sums up. `Ok(false)` where an input broke one.
///
/// # Errors
/// The nightly toolchain or cargo-fuzz is missing (the message holds the lines to install them), the targets don't build, or
/// one does not end in time.
pub(crate) fn run(root: &Path, seconds: u64, only: Option<&str>) -> Result<bool> {
    nightly::ensure("fuzz", &[nightly::TOOLCHAIN, "cargo install cargo-fuzz"])?;
    let build = crate::target_directory(root)?.join("fuzz");
    let mut good = true;
    let mut lines = Vec::new();
    for target in TARGETS.into_iter().filter(|target| only.is_none_or(|only| only == *target)) {
        let program = build_target(root, &build, target)?;
        let findings = fuzz(root, &program, target, seconds)?;
        good &= findings.crashes.is_empty() && findings.ended_well();
        lines.push(format!("{target}: {findings}"));
        for crash in &findings.crashes {
            lines.push(format!("{target}: broken by {crash}; once mended, keep it in fuzz/seeds/{target}"));
        }
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(good)
}

/// Bytes of an input: enough for everything that a target tells apart.
const INPUT_BYTES: u32 = 4096;

/// A target that takes more memory is broken.
const MEMORY_MB: u32 = 2048;

/// An input that takes longer breaks its target.
const INPUT_SECONDS: u32 = 20;

/// What a target may take beyond its time: to read its corpus, and to end.
const GRACE: Duration = Duration::from_secs(300);

/// Builds with AddressSanitizer, debug assertions and overflow checks, which are cargo-fuzz's defaults.
fn build_target(root: &Path, build: &Path, target: &str) -> Result<PathBuf> {
    println!("fuzz: building {target}");
    let triple = host_triple()?;
    let status = nightly::program("cargo")
        .args(["fuzz", "build", "--target", &triple, "--target-dir"])
        .arg(build)
        .arg(target)
        .current_dir(root.join("fuzz"))
        .stdin(Stdio::null())
        .status()
        .context("start cargo fuzz build")?;
    ensure!(status.success(), "the fuzz target {target} does not build ({status})");
    Ok(build.join(triple).join("release").join(target))
}

fn host_triple() -> Result<String> {
    let output = nightly::program("rustc").arg("-vV").output().context("ask rustc for its host")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}

/// The program itself, not `cargo fuzz run`: so it is this process's own child, and ends with it.
fn fuzz(root: &Path, program: &Path, target: &str, seconds: u64) -> Result<Findings> {
    let folder = root.join("fuzz");
    let (corpus, artifacts) = (folder.join("corpus").join(target), folder.join("artifacts").join(target));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let log_path = artifacts.join("log");
    let log = File::create(&log_path).with_context(|| format!("create {}", log_path.display()))?;
    println!("fuzz: {target} for {seconds} s; its log is {}", log_path.display());
    let mut command = Command::new(program);
    command
        // New inputs go into the first folder; the seeds are only read.
        .args([&corpus, &folder.join("seeds").join(target)])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        // A world's threads end behind its input, and what they still hold then would be taken for leaks. Real ones grow into
        // the limit of memory.
        .args(["-detect_leaks=0", "-print_final_stats=1", "-use_value_profile=1"])
        .env("ASAN_OPTIONS", "detect_odr_violation=0")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("share the log")?)
        .stderr(log);
    let mut process = Guarded::spawn(target, &mut command)?;
    let Some(status) = process.wait_at_most(Duration::from_secs(seconds) + GRACE)? else {
        bail!("{target} did not end in time and was ended; see {}", log_path.display());
    };
    let text = fs::read(&log_path).with_context(|| format!("read {}", log_path.display()))?;
    Ok(Findings::read(&String::from_utf8_lossy(&text), status.success()))
}
