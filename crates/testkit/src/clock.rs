//! A clock that stands still until a test steps it.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tidings_engine::clock::{Clock, Now};

const POISONED: &str = "nothing panics while it holds the time";

/// A clock that a test steps by hand. All parts of what is tested share it, so time passes for all of them at once, and
/// only where the test says so.
///
/// ```
/// use std::time::Duration;
/// use tidings_engine::clock::Clock as _;
/// use tidings_testkit::SteppedClock;
///
/// let clock = SteppedClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(clock.now().mono - before.mono, Duration::from_secs(3));
/// assert_eq!(clock.now().unix() - before.unix(), 3);
/// ```
#[derive(Debug)]
pub struct SteppedClock(Mutex<Now>);

impl SteppedClock {
    /// The Unix milliseconds at which every such clock begins: a moment in June 2025.
    pub const START_UNIX_MS: i64 = 1_750_000_000_000;

    /// A clock that stands at its beginning.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Now { mono: Duration::ZERO, unix_ms: Self::START_UNIX_MS })))
    }

    /// Steps on, at once.
    pub fn advance(&self, by: Duration) {
        let mut now = self.time();
        now.mono += by;
        now.unix_ms += by.as_millis() as i64;
    }

    /// Sets the wall clock, forward or back, as an operator may do: monotonic time is not touched.
    pub fn set_unix_ms(&self, unix_ms: i64) {
        self.time().unix_ms = unix_ms;
    }

    fn time(&self) -> MutexGuard<'_, Now> {
        self.0.lock().expect(POISONED)
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Now {
        *self.time()
    }
}
