//! Wakes a shard's poll though nothing came in. On Linux a `timerfd` in the same poll, which stays set from one sleep to the
//! next: a time limit of the poll itself would arm and cancel one of the kernel's timers at each sleep, 0.3 to 1 µs a message
//! that comes alone.

use std::{io, time::Duration};

use mio::{Registry, Token};

/// The alarm of one poll.
pub(crate) struct Alarm {
    timer: timer::Timer,
    /// For when it is set, until it is known to have rung. Earlier than need be is no harm. A clock that is stepped by hand does
    /// not move it.
    at: Option<Duration>,
}

impl Alarm {
    /// One that is not set; its events have this token.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self { timer: timer::Timer::new(registry, token)?, at: None })
    }

    /// It rang.
    pub(crate) fn rang(&mut self) {
        self.at = None;
    }

    /// Sees to it that the poll wakes in so long at the latest, from `now` on. Returns the time limit that the poll is to
    /// have for it.
    pub(crate) fn set(&mut self, now: Duration, timeout: Option<Duration>) -> io::Result<Option<Duration>> {
        // Zero would put it out, and needs none.
        let Some(timeout) = timeout.filter(|timeout| !timeout.is_zero()) else { return Ok(timeout) };
        let at = now.saturating_add(timeout);
        if !self.at.is_some_and(|set| set > now && set <= at) {
            if !self.timer.set(timeout)? {
                return Ok(Some(timeout));
            }
            self.at = Some(at);
        }
        Ok(None)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod timer {
    use std::{
        io,
        os::fd::{AsRawFd, OwnedFd},
        time::Duration,
    };

    use mio::{Interest, Registry, Token, unix::SourceFd};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    pub(super) struct Timer(OwnedFd);

    impl Timer {
        pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Self(timer))
        }

        /// Rings once, in so long. What it rang before is forgotten with it (timerfd_settime(2)), so nobody reads it.
        pub(super) fn set(&self, timeout: Duration) -> io::Result<bool> {
            let it_value = Timespec::try_from(timeout).map_err(io::Error::other)?;
            let once = Itimerspec { it_interval: Timespec::default(), it_value };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            Ok(true)
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod timer {
    use std::{io, time::Duration};

    use mio::{Registry, Token};

    pub(super) struct Timer;

    impl Timer {
        pub(super) fn new(_: &Registry, _: Token) -> io::Result<Self> {
            Ok(Self)
        }

        /// There is none here: the poll has its own time limit.
        pub(super) fn set(&self, _: Duration) -> io::Result<bool> {
            Ok(false)
        }
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    const ALARM: Token = Token(7);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Fails a test that would hang.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn rings(poll: &mut mio::Poll, within: Duration) -> bool {
        let mut events = mio::Events::with_capacity(8);
        poll.poll(&mut events, Some(within)).expect("it polls");
        events.iter().any(|event| event.token() == ALARM)
    }

    #[test]
    fn it_rings_each_time_that_it_is_set() {
        let mut poll = mio::Poll::new().expect("a poll");
        let mut alarm = Alarm::new(poll.registry(), ALARM).expect("a timer");
        for now in [secs(0), secs(5)] {
            assert_eq!(alarm.set(now, Some(Duration::from_millis(1))).expect("it is set"), None);
            assert!(rings(&mut poll, PATIENCE));
            assert!(!rings(&mut poll, Duration::ZERO), "once");
            alarm.rang();
        }
    }

    #[test]
    fn it_is_set_again_only_for_what_is_earlier_or_once_it_is_over() {
        let poll = mio::Poll::new().expect("a poll");
        let mut alarm = Alarm::new(poll.registry(), ALARM).expect("a timer");
        let mut at = |now, timeout| {
            alarm.set(now, timeout).expect("it is set");
            alarm.at
        };
        assert_eq!(at(secs(100), Some(secs(10))), Some(secs(110)));
        assert_eq!(at(secs(101), Some(secs(30))), Some(secs(110)), "later");
        assert_eq!(at(secs(102), None), Some(secs(110)), "never");
        assert_eq!(at(secs(102), Some(secs(3))), Some(secs(105)), "earlier");
        assert_eq!(at(secs(105), Some(secs(3))), Some(secs(108)), "over");
        // Of a clock that is stepped by hand the time may not have come.
        alarm.rang();
        alarm.set(secs(105), Some(secs(4))).expect("it is set");
        assert_eq!(alarm.at, Some(secs(109)), "rung");
    }

    #[test]
    fn what_is_due_at_once_is_left_to_the_poll() {
        let poll = mio::Poll::new().expect("a poll");
        let mut alarm = Alarm::new(poll.registry(), ALARM).expect("a timer");
        assert_eq!(alarm.set(secs(1), Some(Duration::ZERO)).expect("nothing is set"), Some(Duration::ZERO));
        assert_eq!(alarm.at, None);
    }
}
