//! Python 2.7 and the suite that needs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::child::Guarded;

/// The suite, whose number of cases [`super::report`] knows.
const SUITE: &str = "autobahntestsuite==25.10.1";

/// An installed suite.
pub(super) struct Suite {
    python: PathBuf,
    site: PathBuf,
}

/// Finds Python 2.7, and installs the suite into `folder` unless an earlier run did.
///
/// # Errors
/// There is no Python 2.7, or it has no pip: the message holds the lines to install it. Or pip fails or takes too long.
pub(super) fn suite(folder: &Path) -> Result<Suite> {
    let Some(python) = find_python() else { bail!("{MISSING}") };
    if !answers(&python, &["-m", "pip", "--version"]) {
        bail!("Python 2.7 has no pip; install it, then run this again:\n{} -m ensurepip --user", python.display());
    }
    let site = folder.join("site");
    let installed = folder.join("installed");
    if !fs::read_to_string(&installed).is_ok_and(|what| what == SUITE) {
        install(&python, folder, &site)?;
        fs::write(&installed, SUITE).with_context(|| format!("write {}", installed.display()))?;
    }
    Ok(Suite { python, site })
}

impl Suite {
    /// Its program, without arguments.
    pub(super) fn wstest(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.site.join("bin").join("wstest")).env("PYTHONPATH", &self.site).env("PYTHONNOUSERSITE", "1");
        command
    }
}

const MISSING: &str =
    "Python 2.7 is missing, the only version that the Autobahn test suite runs on. Debian and Ubuntu no \
longer have it, but pyenv builds it on any system. Install it, then run this again:
  apt-get update
  apt-get install -y --no-install-recommends gcc make libc6-dev zlib1g-dev libssl-dev libffi-dev
  pyenv install 2.7.18";

/// pip compiles a few of the suite's parts. One that takes longer is ended.
const INSTALL_LIMIT: Duration = Duration::from_secs(10 * 60);

fn install(python: &Path, folder: &Path, site: &Path) -> Result<()> {
    if site.exists() {
        fs::remove_dir_all(site).with_context(|| format!("delete {}", site.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    println!("autobahn: installing {SUITE} into {}", site.display());
    let mut command = Command::new(python);
    command.env("PIP_NO_PYTHON_VERSION_WARNING", "1");
    command.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target"]).arg(site).arg(SUITE);
    let mut pip = Guarded::spawn("pip", command.stdin(Stdio::null()))?;
    match pip.wait_at_most(INSTALL_LIMIT)? {
        Some(status) if status.success() => {}
        Some(status) => bail!("pip could not install {SUITE} ({status})"),
        None => bail!("pip did not end within {} minutes and was ended", INSTALL_LIMIT.as_secs() / 60),
    }
    // `zope` is a name space package that only works in a proper site folder; this makes it an ordinary package.
    let zope = site.join("zope").join("__init__.py");
    fs::write(&zope, "").with_context(|| format!("write {}", zope.display()))
}

/// The first Python 2.7 that answers: in the path, or among pyenv's, whose commands in the path answer only for the
/// version that is chosen.
fn find_python() -> Option<PathBuf> {
    let in_path = super::search_path().into_iter().map(|folder| folder.join("python2.7"));
    in_path.chain(pyenv_pythons()).find(|python| {
        python.is_file() && answers(python, &["-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"])
    })
}

fn pyenv_pythons() -> Vec<PathBuf> {
    let root = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv")));
    let Some(Ok(versions)) = root.map(|root| fs::read_dir(root.join("versions"))) else { return Vec::new() };
    let folders = versions.flatten().filter(|version| version.file_name().to_string_lossy().starts_with("2.7"));
    folders.map(|version| version.path().join("bin").join("python2.7")).collect()
}

fn answers(python: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(python);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_python_does_not_answer() {
        assert!(!answers(Path::new("false"), &["-m", "pip", "--version"]));
        assert!(!answers(Path::new("no-such-python-anywhere"), &[]));
    }

    #[test]
    fn the_suite_runs_from_its_own_folder_only() {
        let suite = Suite { python: "python2.7".into(), site: "somewhere/site".into() };
        let command = suite.wstest();
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["somewhere/site/bin/wstest"]);
        let path = command.get_envs().find(|(name, _)| *name == "PYTHONPATH").unwrap();
        assert_eq!(path.1.unwrap(), "somewhere/site");
    }
}
