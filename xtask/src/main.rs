//! The project's chores, so that nobody has to remember them: `cargo xtask test`, `cargo xtask tidy`,
//! `cargo xtask generate`, and the longer checks `cargo xtask autobahn`,
//! `cargo xtask fuzz` and `cargo xtask miri`.
//!
//! # Layout
//! - [`test`]: sets up what a fresh machine lacks ([`setup`]), runs every test, ends with one line of counts
//! - [`tidy`]: proves the house rules that neither the compiler nor clippy knows
//! - [`generate`]: makes the committed files again that come from the code, or compares them
//! - [`autobahn`]: runs the Autobahn test suite against the WebSocket codec
//! - [`fuzz`]: runs the fuzz targets of the folder `fuzz`
//! - [`miri`]: runs tests of the engine under Miri
//! - [`nightly`]: the toolchain that some checks need
//! - [`child`]: processes that end with the chore that started them

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, ffi::OsString};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use serde_json::Value;

mod autobahn;
mod child;
mod fuzz;
mod generate;
mod miri;
mod nightly;
mod setup;
mod test;
mod tidy;

use generate::Purpose;

fn main() -> ExitCode {
    let root = repository();
    let done = match Arguments::parse().chore {
        Chore::Test { thorough } => test::run(&root, thorough),
        Chore::Tidy => tidy::run(&root),
        Chore::Generate { check, release, folder } => {
            let purpose = match (check, release) {
                (true, _) => Purpose::Check,
                (false, true) => Purpose::Release,
                (false, false) => Purpose::Write,
            };
            generate::run(&root, folder.as_deref().unwrap_or(&root), purpose)
        }
        Chore::Autobahn => autobahn::run(&root),
        Chore::Miri => miri::run(&root),
        Chore::Fuzz { seconds, target } => fuzz::run(&root, seconds, target.as_deref()),
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
    /// Make the committed generated files again (protocol/, docs/configuration.md, docs/types/), unless that breaks clients
    Generate {
        /// Write nothing: fail if a committed file is not what the code makes
        #[arg(long)]
        check: bool,
        /// Also note the schemas as released: from then on they may not break clients, even where the committed ones are edited
        #[arg(long, conflicts_with = "check")]
        release: bool,
        /// A folder with the committed files, in place of the repository
        #[arg(long = "in", value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Run the Autobahn test suite (Python 2.7) against the WebSocket codec
    Autobahn,
    /// Run tests of the engine under Miri (nightly toolchain), which sees undefined behaviour
    Miri,
    /// Run the fuzz targets (nightly toolchain, cargo-fuzz), bounded in time and memory
    Fuzz {
        /// How long each target runs, beyond the time to build it
        #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        seconds: u64,
        /// One target; all without it
        #[arg(value_parser = fuzz::TARGETS)]
        target: Option<String>,
    },
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
