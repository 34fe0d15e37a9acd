//! The project's chores, so that nobody has to remember them: `cargo xtask test`, `cargo xtask tidy`,
//! `cargo xtask generate`.
//!
//! # Layout
//! - [`test`]: sets up what a fresh machine lacks ([`setup`]), runs every test, ends with one line of counts
//! - [`tidy`]: proves the house rules that neither the compiler nor clippy knows
//! - [`generate`]: makes the committed files again that come from the code, or compares them

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, ffi::OsString};

use clap::{Parser, Subcommand};

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
}

/// The folder with the workspace's `Cargo.toml`: the one above this crate.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies inside the repository").to_path_buf()
}

/// The cargo that runs this chore, so that both use one toolchain.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
