//! Timers of a shard's connections, coarse and cheap: one entry a connection, whatever it waits for.

use std::time::Duration;

use super::Slot;

/// A timer is at most so late.
const TICK: Duration = Duration::from_millis(250);

/// Later deadlines wait in the farthest bucket and are put in again: the wheel turns once in 64 s.
const BUCKETS: usize = 256;

/// A tick of the wheel since its clock was made: 34 years of them. Zero stands for no entry.
pub(super) type Tick = u32;

/// Buckets of slots by the tick in which they are due. Entries are never taken out: who is due is asked anew whether it
/// still waits ([`Wheel::advance`]).
#[derive(Debug)]
pub(super) struct Wheel {
    buckets: Vec<Vec<(Slot, Tick)>>,
    /// The next tick to be looked at.
    tick: Tick,
    entries: usize,
}

impl Wheel {
    pub(super) fn new(now: Duration) -> Self {
        Self { buckets: vec![Vec::new(); BUCKETS], tick: tick_of(now), entries: 0 }
    }

    /// Wakes `slot` once `at` has passed, or earlier where it is too far away. Returns the tick to be remembered with the
    /// connection: an entry of another tick is out of date.
    pub(super) fn insert(&mut self, slot: Slot, at: Duration) -> Tick {
        let due = (tick_of(at) + 1).clamp(self.tick, self.tick + BUCKETS as Tick - 1);
        self.buckets[due as usize % BUCKETS].push((slot, due));
        self.entries += 1;
        due
    }

    /// Whether an entry of this tick wakes its slot no later than one that is put in for `at` would.
    pub(super) fn is_due_by(&self, tick: Tick, at: Duration) -> bool {
        (self.tick..=tick_of(at) + 1).contains(&tick)
    }

    /// Moves on to `now`, and appends what was due, with the tick of its entry.
    pub(super) fn advance(&mut self, now: Duration, due: &mut Vec<(Slot, Tick)>) {
        let until = tick_of(now);
        let mut turned = 0;
        while self.tick <= until {
            // After a full turn every bucket was emptied: a long pause costs no more.
            if turned == BUCKETS {
                self.tick = until + 1;
                break;
            }
            let bucket = &mut self.buckets[self.tick as usize % BUCKETS];
            self.entries -= bucket.len();
            due.append(bucket);
            if bucket.capacity() > 1024 {
                bucket.shrink_to(64);
            }
            self.tick += 1;
            turned += 1;
        }
    }

    /// How long until something may be due.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        if self.entries == 0 {
            return None;
        }
        let ahead =
            (0..BUCKETS as Tick).find(|ahead| !self.buckets[(self.tick + ahead) as usize % BUCKETS].is_empty())?;
        let at = TICK * (self.tick + ahead);
        Some(at.saturating_sub(now))
    }
}

/// Never so near the last tick that a turn of the wheel passes it.
fn tick_of(time: Duration) -> Tick {
    let ticks = time.as_millis() / TICK.as_millis();
    Tick::try_from(ticks).unwrap_or(Tick::MAX).min(Tick::MAX - 2 * BUCKETS as Tick)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(index: u32) -> Slot {
        Slot { index, generation: 1 }
    }

    #[test]
    fn a_timer_is_never_early_and_at_most_a_tick_late() {
        let mut wheel = Wheel::new(Duration::ZERO);
        let at = Duration::from_millis(10_100);
        let tick = wheel.insert(slot(1), at);
        let mut due = Vec::new();
        wheel.advance(at - Duration::from_millis(1), &mut due);
        assert!(due.is_empty());
        let next = wheel.next(at).unwrap();
        assert!(next <= TICK);
        wheel.advance(at + next, &mut due);
        assert_eq!(due, [(slot(1), tick)]);
        assert_eq!(wheel.next(at), None);
    }

    #[test]
    fn a_far_deadline_comes_round_to_be_put_in_again() {
        let mut wheel = Wheel::new(Duration::from_secs(5));
        wheel.insert(slot(1), Duration::from_secs(9_000));
        let mut due = Vec::new();
        wheel.advance(Duration::from_secs(70), &mut due);
        assert_eq!(due.len(), 1);
    }

    #[test]
    fn a_long_pause_wakes_all_once() {
        let mut wheel = Wheel::new(Duration::ZERO);
        for index in 0..100 {
            wheel.insert(slot(index), Duration::from_secs(u64::from(index)));
        }
        let mut due = Vec::new();
        wheel.advance(Duration::from_secs(100_000), &mut due);
        assert_eq!(due.len(), 100);
        wheel.insert(slot(1), Duration::from_secs(100_001));
        due.clear();
        wheel.advance(Duration::from_secs(100_002), &mut due);
        assert_eq!(due.len(), 1);
    }
}
