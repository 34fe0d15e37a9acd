//! The only place that reads time.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A moment, passed into every call that needs one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the clock was made; never goes back.
    pub mono: Duration,
    /// Unix milliseconds; may jump when the machine's clock is set.
    pub unix_ms: i64,
}

impl Now {
    /// Unix seconds.
    pub const fn unix(self) -> i64 {
        self.unix_ms.div_euclid(1_000)
    }
}

/// A monotonic time in eight bytes, for what each connection keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl From<Duration> for Moment {
    /// Nanoseconds last 584 years; what is later counts as then.
    fn from(mono: Duration) -> Self {
        Self(u64::try_from(mono.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Moment> for Duration {
    fn from(moment: Moment) -> Self {
        Self::from_nanos(moment.0)
    }
}

/// What tells the time. The server has [`SystemClock`]; tests step theirs by hand.
pub trait Clock: Send + Sync + 'static {
    /// The moment of the call.
    fn now(&self) -> Now;
}

/// A clock that all parts of a node share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks: CLOCK_MONOTONIC and CLOCK_REALTIME.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[expect(clippy::disallowed_methods, reason = "this file is where time is read")]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this file is where time is read")]
    fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.0.elapsed(), unix_ms: since_epoch.as_millis() as i64 }
    }
}
