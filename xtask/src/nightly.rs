//! The nightly toolchain, which a few checks need and nothing else here does.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// A program of the nightly toolchain, without arguments.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", name]);
    // What the stable cargo that runs this chore tells its children would lead them back to it.
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    command
}

/// Makes sure that `cargo <what> --version` answers on the nightly toolchain.
///
/// # Errors
/// It does not: the message holds the lines to install it.
pub(crate) fn ensure(what: &str, install: &[&str]) -> Result<()> {
    let answers = program("cargo")
        .args([what, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if answers {
        return Ok(());
    }
    bail!("`cargo {what}` is missing. With rustup, install it, then run this again:\n  {}", install.join("\n  "))
}

/// Installs the toolchain with the parts that the checks need.
pub(crate) const TOOLCHAIN: &str = "rustup toolchain install nightly -c miri -c rust-src";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_lines_to_install_it() {
        let error = ensure("no-such-command-anywhere", &[TOOLCHAIN, "cargo install it"]).unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-command-anywhere` is missing"), "{error}");
        assert!(error.ends_with("-c rust-src\n  cargo install it"), "{error}");
    }
}
