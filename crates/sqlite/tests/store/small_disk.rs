//! A disk of a few mebibytes that a test can fill: a tmpfs in a mount namespace of its own, which goes with its process.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    path::PathBuf,
    process::Command,
};

/// Names the folder, in the process that has the disk.
const FOLDER: &str = "TIDINGS_TEST_SMALL_DISK";

/// A failed test's exit code.
const FAILED: i32 = 101;

/// A small disk.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Runs the test of this name once more, in a process that has the disk, with all temporary folders on it: there it is
    /// given. Where it is not, that process
    /// has done the test, and there is nothing left to do.
    ///
    /// # Panics
    /// Where the test failed there, or nothing can be mounted.
    pub(crate) fn of_test(name: &str, bytes: u64) -> Option<Self> {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return Some(Self(folder.into()));
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let mount = format!("mount -t tmpfs -o size={bytes},mode=700 tmpfs \"${FOLDER}\" && exec \"$@\"");
        let test = std::env::current_exe().expect("the test knows its file");
        command.args(["--mount", "sh", "-c", &mount, "sh"]).arg(test).args(["--exact", name, "--nocapture"]);
        let output = command.env(FOLDER, folder.path()).env("TMPDIR", folder.path()).output();
        let said = match &output {
            Ok(output) => {
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
            }
            Err(error) => error.to_string(),
        };
        match output.ok().and_then(|output| output.status.code()) {
            Some(0) => assert!(said.contains("1 passed"), "{name} is no test here:\n{said}"),
            Some(FAILED) => panic!("with a small disk:\n{said}"),
            _ => panic!(
                "a small disk can't be mounted: {}\nThis test needs Linux with unshare and mount, as root (in a container with \
                 `--cap-add SYS_ADMIN`) or with user namespaces: apt-get install -y util-linux mount; \
                 sysctl -w kernel.unprivileged_userns_clone=1",
                said.trim()
            ),
        }
        None
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.ballast()).expect("the file is made");
        for bytes in [1 << 16, 1 << 12, 1] {
            let chunk = vec![7; bytes];
            while write_whole(&mut ballast, &chunk) {}
        }
    }

    /// Frees what [`fill`](Self::fill) took.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("it was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

/// Whether there was room for some of it.
fn write_whole(file: &mut File, chunk: &[u8]) -> bool {
    match file.write(chunk) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::StorageFull => false,
        Err(error) => panic!("{error}"),
    }
}
