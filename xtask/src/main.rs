//! The project's chores, so that nobody has to remember them: `cargo xtask test`, `cargo xtask tidy`,
//! `cargo xtask generate`, and the longer checks `cargo xtask autobahn`.
//!
//! # Layout
//! - [`test`]: sets up what a fresh machine lacks ([`setup`]), runs every test, ends with one line of counts
//! - [`tidy`]: proves the house rules that neither the compiler nor clippy knows
//! - [`generate`]: makes the committed files again that come from the code, or compares them
//! - [`autobahn`]: runs the Autobahn test suite against the WebSocket codec
//! - [`child`]: processes that end with the chore that started them

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, ffi::OsString};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use serde_json::Value;

mod autobahn;
mod child;
mod generate;
mod setup;
mod test;
mod tidy;

fn main() -> ExitCode {
    let root = repository();
    let done = match Arguments::parse().chore {
        Chore::Test { thorough } => test::run(&root, thorough),
        Chore::Tidy => tidy::run(&root),
        Chore::Generate { check } => generate::run(&root, check),
        Chore::Autobahn => autobahn::run(&root),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The chores of the Tidings repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what is missing, run all tests of the workspace, end with the line `N passed, N failed`
    Test {
        /// More cases and longer runs: sets TIDINGS_THOROUGH=1 and PROPTEST_CASES=4096
        #[arg(long)]
        thorough: bool,
    },
    /// Prove the house rules: lengths, layers, banned calls, texts that do not belong here
    Tidy,
    /// Make the committed generated files again (protocol/, docs/configuration.md)
    Generate {
        /// Write nothing: fail if a committed file is not what the code makes
        #[arg(long)]
        check: bool,
    },
    /// Run the Autobahn test suite (Python 2.7) against the WebSocket codec
    Autobahn,
}

/// The folder with the workspace's `Cargo.toml`: the one above this crate.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies inside the repository").to_path_buf()
}

/// Where cargo puts what it builds, which needn't lie in the repository.
fn target_directory(root: &Path) -> Result<PathBuf> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("start cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(target))
}

/// The cargo that runs this chore, so that both use one toolchain.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
