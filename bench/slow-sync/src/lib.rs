//! Makes each `fsync` and `fdatasync` of a process take longer, as on a slower disk. For Linux, to be preloaded:
//!
//! ```text
//! cargo build --release -p slow-sync
//! SLOW_SYNC_MICROS=1000 LD_PRELOAD=target/release/libslow_sync.so some-program
//! ```
//!
//! Each call sleeps for so many microseconds and then makes the real system call: what was durable still is.

use std::ffi::OsStr;
use std::ffi::{c_int, c_long};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// The environment variable with the microseconds. Without it, or where it is no number, nothing is added.
const MICROS: &str = "SLOW_SYNC_MICROS";

/// More than this is not added: a slip of the pen would stop the process for hours.
const AT_MOST: Duration = Duration::from_secs(10);

/// In place of the C library's (fsync(2)): data and metadata.
// SAFETY: the name and the signature are those of fsync in POSIX; whoever calls it gets what the system call gives.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: c_int) -> c_int {
    slowly(libc::SYS_fsync, descriptor)
}

/// In place of the C library's (fdatasync(2)): data, and what of the metadata is needed to read it.
// SAFETY: as fsync above.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    slowly(libc::SYS_fdatasync, descriptor)
}

fn slowly(call: c_long, descriptor: c_int) -> c_int {
    static ADDED: OnceLock<Duration> = OnceLock::new();
    let added = *ADDED.get_or_init(|| added(std::env::var_os(MICROS).as_deref()));
    if !added.is_zero() {
        thread::sleep(added);
    }
    // SAFETY: both calls take one descriptor and no pointers; one that isn't open gives -1 and EBADF in errno.
    let answer = unsafe { libc::syscall(call, descriptor) };
    // 0 or -1 by fsync(2).
    answer as c_int
}

fn added(value: Option<&OsStr>) -> Duration {
    let micros = value.and_then(OsStr::to_str).and_then(|text| text.parse().ok()).unwrap_or(0);
    Duration::from_micros(micros).min(AT_MOST)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_file_is_synced_and_what_is_none_is_refused_as_by_the_system() {
        let path = std::env::temp_dir().join(format!("slow-sync-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        for sync in [fsync, fdatasync] {
            assert_eq!(sync(file.as_raw_fd()), 0);
            assert_eq!(sync(-1), -1);
            assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
        }
    }

    #[test]
    fn the_time_added_is_what_the_variable_says_within_bounds() {
        let micros = |text: &str| added(Some(OsStr::new(text)));
        assert_eq!(micros("1000"), Duration::from_millis(1));
        assert_eq!((micros(""), micros("soon"), added(None)), (Duration::ZERO, Duration::ZERO, Duration::ZERO));
        assert_eq!(micros("999999999999"), AT_MOST);
    }
}
