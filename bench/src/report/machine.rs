//! The machine and the state of the code, as far as they colour the figures: without a date, and without a name.

use std::fs;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// What was measured on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// Threads that it runs at once.
    pub cores: usize,
    /// The kernel's name and release.
    pub kernel: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The commit, shortened; with `+` where files differ from it.
    pub commit: String,
}

impl Machine {
    /// Reads `/proc` (proc(5)) and asks git; what can't be found out is `unknown` or 0.
    #[must_use]
    pub fn read() -> Self {
        let unknown = || "unknown".to_owned();
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let line = |text: &str, name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
            value.map(|value| value.trim().to_owned())
        };
        let memory = line(&file("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok());
        let release = file("/proc/sys/kernel/osrelease");
        Self {
            processor: line(&file("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: format!("{} {}", file("/proc/sys/kernel/ostype").trim(), release.trim()),
            memory_mib: kib.unwrap_or(0) / 1024,
            commit: commit().unwrap_or_else(unknown),
        }
    }
}

fn commit() -> Option<String> {
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if changed { format!("{hash}+") } else { hash })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_processor_cores_and_memory() {
        let machine = Machine::read();
        assert!(machine.cores > 0 && machine.memory_mib > 0, "{machine:?}");
        assert!(!machine.processor.is_empty() && machine.kernel.contains(' '), "{machine:?}");
    }
}
