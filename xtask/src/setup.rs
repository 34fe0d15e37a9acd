//! What a fresh machine lacks for the tests: found, and installed where that is possible without asking.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Looks for everything the tests need, and installs what is missing.
///
/// On Debian (and its children) as root it runs `apt-get`; anywhere else it only says what to run.
///
/// # Errors
/// Something is missing and can't be installed from here: the message holds the exact lines to run. Nothing is ever
/// skipped instead.
pub(crate) fn ensure() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        eprintln!("xtask: {} is missing ({})", need.what, need.why);
    }
    let lines = install_lines(&missing);
    if !(Path::new("/etc/debian_version").exists() && is_root()) {
        bail!("install what is missing, then run this again. On Debian or Ubuntu, as root:\n{}", lines.join("\n"));
    }
    for line in &lines {
        eprintln!("xtask: {line}");
        let status = Command::new("sh")
            .args(["-c", line])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .status()
            .context("run sh")?;
        if !status.success() {
            bail!("`{line}` failed ({status}); run it by hand, then run this again");
        }
    }
    let still: Vec<_> = self::missing().iter().map(|need| need.what).collect();
    if !still.is_empty() {
        bail!("still missing after the installation: {}", still.join(", "));
    }
    Ok(())
}

/// One thing that must be on the machine.
struct Need {
    what: &'static str,
    why: &'static str,
    is_there: fn() -> bool,
    debian: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler with its headers",
        why: "SQLite and aws-lc are compiled from their C sources",
        is_there: compiles_c,
        debian: &["gcc", "libc6-dev"],
    },
    Need {
        what: "git",
        why: "`cargo xtask tidy` asks it which files belong to the repository",
        is_there: || answers("git", &["--version"]),
        debian: &["git"],
    },
    Need {
        what: "PostgreSQL 15 or later",
        why: "the statements of the social pack are prepared on it",
        is_there: has_postgres,
        debian: &["postgresql"],
    },
    Need {
        what: "Python 3 with its module sqlite3",
        why: "the example of a backend in another language is run beside the program",
        is_there: || answers("python3", &["-c", "import sqlite3, http.server"]),
        debian: &["python3"],
    },
];

fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.is_there)()).collect()
}

fn install_lines(missing: &[&Need]) -> [String; 2] {
    let packages: Vec<_> = missing.iter().flat_map(|need| need.debian.iter().copied()).collect();
    [
        "apt-get update".to_owned(),
        format!("apt-get install -y --no-install-recommends ca-certificates {}", packages.join(" ")),
    ]
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Debian puts the server's programs into a folder of its version, off the path.
fn has_postgres() -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    answers("initdb", &["--version"]) || versions.into_iter().any(|version| version.path().join("bin/initdb").exists())
}

/// A compiler without the C library's headers is as good as none, so a line that needs one is tried.
fn compiles_c() -> bool {
    let Ok(mut compiler) = Command::new("cc")
        .args(["-x", "c", "-E", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
    else {
        return false;
    };
    let fed = compiler.stdin.take().is_some_and(|mut input| input.write_all(b"#include <stdlib.h>\n").is_ok());
    compiler.wait().is_ok_and(|status| fed && status.success())
}

fn is_root() -> bool {
    // The owner of this process's own entry: no C call, no crate, and always right on Linux.
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_the_packages_of_what_is_missing_only() {
        let compiler = &NEEDS[0];
        assert_eq!(
            install_lines(&[compiler])[1],
            "apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev"
        );
    }

    #[test]
    fn a_program_that_does_not_exist_does_not_answer() {
        assert!(!answers("no-such-program-anywhere", &[]));
    }
}
