//! What a process used: CPU of all its threads, and memory. Read from `/proc` (proc(5)), so Linux only.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{fs, io, thread};

/// CPU used by a process since its start, user and system, all threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpu {
    /// Nanoseconds of each living thread, from `/proc/PID/task/*/schedstat`.
    threads: BTreeMap<u32, u64>,
    /// `utime` + `stime` of `/proc/PID/stat`, in clock ticks, with the threads that have ended.
    ticks: u64,
}

impl Cpu {
    /// Reads it for the process with this id.
    ///
    /// # Errors
    /// The process is gone, or `/proc` isn't as proc(5) says.
    pub fn read(pid: u32) -> io::Result<Self> {
        let mut threads = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?;
            let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A thread that ends just now is missing afterwards, and `since` sees it.
            if let Ok(text) = fs::read_to_string(task.path().join("schedstat")) {
                let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
                threads.insert(id, nanos.ok_or_else(|| odd("schedstat"))?);
            }
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Ok(Self { threads, ticks: ticks(&stat).ok_or_else(|| odd("stat"))? })
    }

    /// Reads it when the process has come to rest: the kernel brings a running thread's figure up to date only at its
    /// next tick. Waits at most 50 ms, for a server that never rests.
    ///
    /// # Errors
    /// As [`Cpu::read`].
    pub fn read_at_rest(pid: u32) -> io::Result<Self> {
        let mut last = Self::read(pid)?;
        for _ in 0..25 {
            thread::sleep(Duration::from_millis(2));
            let now = Self::read(pid)?;
            if now == last {
                break;
            }
            last = now;
        }
        Ok(last)
    }

    /// What was used since `before`: to the nanosecond if no thread ended in between, else to the clock tick.
    #[must_use]
    pub fn since(&self, before: &Self) -> Duration {
        if before.threads.keys().all(|id| self.threads.contains_key(id)) {
            let nanos = |cpu: &Self| cpu.threads.values().sum::<u64>();
            return Duration::from_nanos(nanos(self).saturating_sub(nanos(before)));
        }
        let ticks = self.ticks.saturating_sub(before.ticks);
        Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }
}

/// Resident memory of a process in KiB, exactly (`smaps_rollup`; the figure in `status` may lag by some pages a CPU).
///
/// # Errors
/// The process is gone, is another user's, or `/proc` isn't as proc(5) says.
pub fn resident_kib(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix("kB")?.trim().parse().ok())
        .ok_or_else(|| odd("smaps_rollup"))
}

/// The most resident memory that a process ever had, in KiB (`VmHWM` of `status`).
///
/// # Errors
/// As [`resident_kib`].
pub fn peak_resident_kib(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
        .ok_or_else(|| odd("status"))
}

/// Nanoseconds of CPU that each living thread has used, by its name; threads of one name are added up.
///
/// # Errors
/// As [`Cpu::read`].
pub fn by_thread(pid: u32) -> io::Result<BTreeMap<String, u64>> {
    let mut threads = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        // As above: a thread that ends just now is passed over.
        let (Ok(name), Ok(text)) = (fs::read_to_string(task.join("comm")), fs::read_to_string(task.join("schedstat")))
        else {
            continue;
        };
        let nanos: Option<u64> = text.split_whitespace().next().and_then(|first| first.parse().ok());
        *threads.entry(name.trim_end().to_owned()).or_default() += nanos.ok_or_else(|| odd("schedstat"))?;
    }
    Ok(threads)
}

/// What a run cost the process.
#[derive(Debug, Default, Clone, Copy)]
pub struct Charge {
    /// CPU of each thing that was counted, in microseconds; `None` without a process, or when there was nothing.
    pub micros_each: Option<f64>,
    /// Resident memory at the end.
    pub resident_kib: Option<u64>,
}

/// CPU of a process from now on; of none, nothing.
pub struct Meter {
    before: Option<(u32, Cpu)>,
}

impl Meter {
    /// Begins to charge.
    ///
    /// # Errors
    /// The process can't be read.
    pub fn start(pid: Option<u32>) -> io::Result<Self> {
        let read = |pid| Cpu::read_at_rest(pid).map(|cpu| (pid, cpu));
        Ok(Self { before: pid.map(read).transpose()? })
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.before.as_ref().map(|&(pid, _)| pid)
    }

    /// What was used since the start, with the CPU divided by `count`.
    ///
    /// # Errors
    /// The process can't be read.
    pub fn charge(&self, count: u64) -> io::Result<Charge> {
        let Some((pid, before)) = &self.before else { return Ok(Charge::default()) };
        let used = Cpu::read_at_rest(*pid)?.since(before);
        let micros_each = (count > 0).then(|| used.as_secs_f64() * 1e6 / count as f64);
        Ok(Charge { micros_each, resident_kib: Some(resident_kib(*pid)?) })
    }
}

fn odd(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("/proc/PID/{file} is not as proc(5) describes it"))
}

/// Fields 14 and 15 of `stat`. The second field is a name in parentheses that may hold anything, so counting starts
/// behind its last parenthesis.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_name_with_blanks_and_parentheses() {
        let stat = "7 (a b) (c) R 1 2 3 4 -1 0 10 0 0 0 30 12 0 0 20 0 1 0 97073 0 0";
        assert_eq!(ticks(stat), Some(42));
    }

    #[test]
    fn nanoseconds_count_while_threads_stay_and_ticks_when_one_ended() {
        let cpu = |threads: &[(u32, u64)], ticks| Cpu { threads: threads.iter().copied().collect(), ticks };
        let before = cpu(&[(1, 1_000), (2, 500)], 10);
        assert_eq!(cpu(&[(1, 4_000), (2, 500)], 10).since(&before), Duration::from_nanos(3_000));
        assert_eq!(cpu(&[(1, 4_000), (2, 500), (3, 70)], 10).since(&before), Duration::from_nanos(3_070));
        let tick = 1.0 / rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(cpu(&[(1, 4_000)], 13).since(&before), Duration::from_secs_f64(3.0 * tick));
    }

    #[test]
    fn this_process_has_used_some_of_both() {
        let pid = std::process::id();
        let before = Cpu::read(pid).unwrap();
        let mut sum = 0_u64;
        let after = loop {
            sum = std::hint::black_box((0..100_000_u64).fold(sum, |sum, n| sum.wrapping_mul(31) ^ n));
            let after = Cpu::read(pid).unwrap();
            if after.since(&before) > Duration::from_millis(20) {
                break after;
            }
        };
        assert!(after.ticks >= before.ticks);
        assert!(resident_kib(pid).unwrap() > 0);
        assert!(peak_resident_kib(pid).unwrap() > 0);
        let own = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
        assert!(by_thread(pid).unwrap()[own.trim_end()] > 0);
    }
}
