//! When the next message may go out.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How many a second, at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// So many a second, evenly; above 0.
    PerSecond(f64),
    /// As many as are answered.
    Unbounded,
}

impl Rate {
    /// The pace of messages that count as `each` deliveries.
    #[must_use]
    pub(crate) fn pace(self, each: usize, now: Instant) -> Pace {
        let interval = match self {
            Self::PerSecond(rate) => Duration::from_secs_f64(each as f64 / rate),
            Self::Unbounded => Duration::ZERO,
        };
        Pace { interval, next: now }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Unbounded);
        }
        match text.parse::<f64>() {
            Ok(rate) if (LEAST..=MOST).contains(&rate) => Ok(Self::PerSecond(rate)),
            _ => Err(format!("expected a number a second from {LEAST} to {MOST}, or `none`")),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(out, "at most {rate} a second"),
            Self::Unbounded => out.write_str("as many as are answered"),
        }
    }
}

const LEAST: f64 = 0.01;
const MOST: f64 = 10_000_000.0;

/// Gives one leave after another, evenly spaced. Leaves that nobody took in time are not saved up: a server that was slow
/// for a second isn't punished with a burst afterwards.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

/// Leaves that may be caught up with: a timer of the system wakes up to some milliseconds late.
const CATCH_UP: Duration = Duration::from_millis(20);

impl Pace {
    /// Takes a leave, if there is one by now.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next += self.interval;
        if let Some(oldest) = now.checked_sub(CATCH_UP)
            && self.next < oldest
        {
            self.next = now;
        }
        true
    }

    /// When the next leave is there.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_positive_number_or_none() {
        assert_eq!("200".parse(), Ok(Rate::PerSecond(200.0)));
        assert_eq!("0.5".parse(), Ok(Rate::PerSecond(0.5)));
        assert_eq!("none".parse(), Ok(Rate::Unbounded));
        for text in ["0", "-1", "NaN", "inf", "", "fast", "1e9"] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn so_many_leaves_are_given_in_a_second_and_no_more() {
        let start = Instant::now();
        let mut pace = Rate::PerSecond(100.0).pace(1, start);
        let taken = (0..1_000).filter(|&millis| pace.take(start + Duration::from_millis(millis))).count();
        assert_eq!(taken, 100);
    }

    #[test]
    fn a_message_to_many_takes_as_many_leaves() {
        let start = Instant::now();
        let mut pace = Rate::PerSecond(100.0).pace(50, start);
        let taken = (0..1_000).filter(|&millis| pace.take(start + Duration::from_millis(millis))).count();
        assert_eq!(taken, 2);
    }

    #[test]
    fn what_was_not_taken_is_not_saved_up() {
        let start = Instant::now();
        let mut pace = Rate::PerSecond(1_000.0).pace(1, start);
        let late = start + Duration::from_secs(5);
        let burst = std::iter::from_fn(|| pace.take(late).then_some(())).count();
        assert!(burst <= 2, "{burst} at once");
    }

    #[test]
    fn without_a_rate_there_is_always_a_leave() {
        let start = Instant::now();
        let mut pace = Rate::Unbounded.pace(1, start);
        assert!((0..100).all(|_| pace.take(start)));
    }
}
