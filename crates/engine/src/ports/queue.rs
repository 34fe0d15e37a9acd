//! The bounded queue between those who submit acts and the one writer that commits them.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard},
    time::Duration,
};

use crate::act::Act;

/// What a store's writer has before it: acts in the order of submission, and between them the adapter's own jobs.
///
/// Any thread submits; one thread, the writer, takes. Acts and jobs have bounds of their own: an act that does not fit
/// stays with its submitter, who is owed a call of [`CommitSink::room`](super::CommitSink::room); a job that does not fit is
/// given back.
pub struct ActQueue<J> {
    state: Mutex<State<J>>,
    arrived: Condvar,
    acts: usize,
    jobs: usize,
}

/// What the writer took.
#[derive(Debug)]
pub enum Taken<J> {
    /// Acts that were submitted one after another: one commit. Never empty.
    Acts(Vec<Act>),
    /// A job, in its place among the acts.
    Job(J),
    /// Nothing came in time.
    Nothing,
    /// The queue was closed and is empty: the writer ends.
    Closed,
}

struct State<J> {
    waiting: VecDeque<Item<J>>,
    acts: usize,
    jobs: usize,
    /// A submitter was told no, and nobody called `room` since.
    refused: bool,
    /// The writer sleeps. Without it every submission would cost a system call.
    asleep: bool,
    closed: bool,
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are acts, and boxing each would cost more than the jobs waste"
)]
enum Item<J> {
    Act(Act),
    Job(J),
}

impl<J> ActQueue<J> {
    /// A queue of at most so many acts, and so many jobs beside; at least one of each.
    pub fn new(acts: usize, jobs: usize) -> Self {
        let state = State { waiting: VecDeque::new(), acts: 0, jobs: 0, refused: false, asleep: false, closed: false };
        Self { state: Mutex::new(state), arrived: Condvar::new(), acts: acts.max(1), jobs: jobs.max(1) }
    }

    /// Takes acts from the front of `from` while there is room, and says whether all were taken.
    pub fn submit(&self, from: &mut VecDeque<Act>) -> bool {
        let mut state = self.state();
        let room = self.acts - state.acts;
        let taken = room.min(from.len());
        state.acts += taken;
        state.waiting.extend(from.drain(..taken).map(Item::Act));
        state.refused |= !from.is_empty();
        let all = from.is_empty();
        self.wake(state);
        all
    }

    /// Puts a job behind what waits.
    ///
    /// # Errors
    /// The job itself, where too many wait or the queue is closed.
    pub fn job(&self, job: J) -> Result<(), J> {
        let mut state = self.state();
        if state.closed || state.jobs >= self.jobs {
            return Err(job);
        }
        state.jobs += 1;
        state.waiting.push_back(Item::Job(job));
        self.wake(state);
        Ok(())
    }

    /// Waits for something to do, at most so long: at most `most` acts, or one job.
    pub fn take(&self, most: usize, wait: Option<Duration>) -> Taken<J> {
        let mut state = self.state();
        let mut late = false;
        loop {
            match state.waiting.front() {
                Some(Item::Act(_)) => return Taken::Acts(state.acts(most.max(1))),
                Some(Item::Job(_)) => return Taken::Job(state.job()),
                None if state.closed => return Taken::Closed,
                None if late => return Taken::Nothing,
                None => {}
            }
            state.asleep = true;
            (state, late) = self.sleep(state, wait);
            state.asleep = false;
        }
    }

    /// Whether a submitter was refused and there is room for it now. The writer asks after each [`take`](Self::take), and
    /// calls `room` where it says yes; it says so once for each refusal.
    ///
    /// Room is what half the queue has: a call for each free place would wake submitters for nothing.
    pub fn owes_room(&self) -> bool {
        let mut state = self.state();
        let owes = state.refused && state.acts <= self.acts / 2;
        state.refused &= !owes;
        owes
    }

    /// Takes no jobs from now on, and lets the writer end when all is taken.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.wake(state);
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State<J>>, wait: Option<Duration>) -> (MutexGuard<'a, State<J>>, bool) {
        match wait {
            None => (self.arrived.wait(state).expect(POISON), false),
            Some(wait) => {
                let (state, time) = self.arrived.wait_timeout(state, wait).expect(POISON);
                (state, time.timed_out())
            }
        }
    }

    fn wake(&self, state: MutexGuard<'_, State<J>>) {
        let asleep = state.asleep;
        drop(state);
        if asleep {
            self.arrived.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().expect(POISON)
    }
}

const POISON: &str = "nothing panics while it holds the queue";

impl<J> State<J> {
    fn acts(&mut self, most: usize) -> Vec<Act> {
        let mut acts = Vec::with_capacity(most.min(self.acts));
        while acts.len() < most
            && let Some(Item::Act(act)) = self.waiting.pop_front_if(|item| matches!(item, Item::Act(_)))
        {
            acts.push(act);
        }
        self.acts -= acts.len();
        acts
    }

    fn job(&mut self) -> J {
        self.jobs -= 1;
        match self.waiting.pop_front() {
            Some(Item::Job(job)) => job,
            _ => unreachable!("the caller saw a job in front"),
        }
    }
}

#[cfg(test)]
mod tests {
    use smallvec::SmallVec;

    use super::*;
    use crate::act::Origin;

    fn acts(count: u64) -> VecDeque<Act> {
        let act = |call| Act {
            origin: Origin::Call(call),
            sender: None,
            key: None,
            require: SmallVec::new(),
            ops: SmallVec::new(),
            project: None,
        };
        (0..count).map(act).collect()
    }

    fn calls(taken: Taken<u8>) -> Vec<u64> {
        let Taken::Acts(acts) = taken else { panic!("{taken:?}") };
        let call = |act: &Act| if let Origin::Call(call) = act.origin { call } else { panic!("{act:?}") };
        acts.iter().map(call).collect()
    }

    #[test]
    fn acts_and_jobs_keep_their_order() {
        let queue = ActQueue::new(8, 1);
        assert!(queue.submit(&mut acts(3)));
        assert_eq!(queue.job(7), Ok(()));
        assert_eq!(queue.job(8), Err(8));
        assert!(queue.submit(&mut acts(1)));
        assert_eq!(calls(queue.take(2, None)), [0, 1]);
        assert_eq!(calls(queue.take(2, None)), [2]);
        assert!(matches!(queue.take(2, None), Taken::Job(7)));
        assert_eq!(calls(queue.take(2, None)), [0]);
        assert!(matches!(queue.take(2, Some(Duration::ZERO)), Taken::Nothing));
        queue.close();
        assert!(matches!(queue.take(2, None), Taken::Closed));
    }

    #[test]
    fn who_was_refused_is_owed_one_call_when_half_is_free() {
        let queue = ActQueue::<u8>::new(4, 1);
        let mut waiting = acts(6);
        assert!(!queue.submit(&mut waiting));
        assert_eq!(waiting.len(), 2);
        assert!(!queue.owes_room());
        queue.take(1, None);
        assert!(!queue.owes_room(), "one place is not yet room");
        queue.take(1, None);
        assert!(queue.owes_room());
        assert!(!queue.owes_room(), "once for each refusal");
        assert!(queue.submit(&mut waiting));
    }

    #[test]
    fn no_wake_is_lost_between_a_submitter_and_a_sleeping_writer() {
        const ACTS: u64 = 20_000;
        let queue = ActQueue::<u8>::new(3, 1);
        let (room, roomy) = std::sync::mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut seen = Vec::new();
                while seen.len() < ACTS as usize {
                    seen.extend(calls(queue.take(2, None)));
                    if queue.owes_room() {
                        // A full channel holds a call that the submitter has not taken yet: it will look again anyway.
                        let _ = room.try_send(());
                    }
                }
                seen
            });
            let mut waiting = acts(ACTS);
            while !queue.submit(&mut waiting) {
                roomy.recv().unwrap();
            }
            assert_eq!(writer.join().unwrap(), (0..ACTS).collect::<Vec<_>>());
        });
    }
}
