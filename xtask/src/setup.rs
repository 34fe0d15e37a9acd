//! What a fresh machine lacks for the tests: found, and installed where that is possible without asking.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Looks for everything the tests need, and installs what is missing.
///
/// On Debian (and its children) as root it runs `apt-get`; anywhere else it only says what to run. The packages of Node that
/// `checks/spec` locks go into its own folder, on every machine.
///
/// # Errors
/// Something is missing and can't be installed from here: the message holds the exact lines to run. Nothing is ever
/// skipped instead.
pub(crate) fn ensure(root: &Path) -> Result<()> {
    programs()?;
    node_packages(&root.join("checks/spec"))
}

fn programs() -> Result<()> {
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
        what: "Node 18 or later with npm",
        why: "what `tidings spec` prints is checked by the public validators, which are programs for it",
        is_there: has_node,
        debian: &["nodejs", "npm"],
    },
    Need {
        what: "Python 3 with its module sqlite3",
        why: "the example of a backend in another language is run beside the program",
        is_there: || answers("python3", &["-c", "import sqlite3, http.server"]),
        debian: &["python3"],
    },
];

/// Installs what the folder's lock names, unless that is what is there.
fn node_packages(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("read {}", lock.display()))?;
    let done = folder.join("node_modules/.installed");
    if fs::read(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("xtask: npm ci, in {}", folder.display());
    let status =
        Command::new("npm").arg("ci").current_dir(folder).stdin(Stdio::null()).status().context("start npm")?;
    if !status.success() {
        bail!("`npm ci` failed ({status}); run it by hand in {}, then run this again", folder.display());
    }
    fs::create_dir_all(folder.join("node_modules")).context("make the folder of Node's packages")?;
    fs::write(&done, wanted).with_context(|| format!("write {}", done.display()))
}

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

fn has_node() -> bool {
    let new_enough = "process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)";
    answers("node", &["--eval", new_enough]) && answers("npm", &["--version"])
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

    #[test]
    fn packages_of_node_are_installed_when_the_lock_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("package.json"), r#"{"name":"checks","private":true}"#).unwrap();
        fs::write(file("package-lock.json"), r#"{"name":"checks","lockfileVersion":3,"packages":{"":{}}}"#).unwrap();
        fs::create_dir(file("node_modules")).unwrap();
        fs::write(file("node_modules/of-before"), "").unwrap();
        node_packages(folder.path()).unwrap();
        assert!(!file("node_modules/of-before").exists(), "npm ci begins anew");
        fs::write(file("node_modules/of-now"), "").unwrap();
        node_packages(folder.path()).unwrap();
        assert!(file("node_modules/of-now").exists(), "nothing is installed twice");
        fs::write(file("package-lock.json"), "no lock").unwrap();
        let error = node_packages(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("`npm ci` failed"), "{error}");
    }
}
