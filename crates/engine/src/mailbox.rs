//! What other threads hand to a shard: one queue, and a flag that saves the wake of a shard that is awake.

use std::collections::VecDeque;

use crate::{
    directory::ShardSet,
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

const POISONED: &str = "a panic of a shard or the dispatcher ends the process";

/// Shards that wait are told of so much room, or of an eighth of the bound where that is less.
const WORTH_TELLING: usize = 64;

/// Wakes a sleeping shard; called from any thread.
pub(crate) type Wake = Box<dyn Fn() + Send + Sync>;

/// The queue of one shard. Publications are bounded; see [`Mailbox::offer`] and [`Mailbox::push_when_room`]. What answers
/// something (acknowledgements, orders) always has a place: it is bounded by what was asked.
pub(crate) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    room: Condvar,
    bound: usize,
    /// Set by the shard before it sleeps: who pushes must wake it.
    armed: AtomicBool,
    /// Shards that found no room and want to hear of it.
    waiting: AtomicU64,
    wake: Wake,
}

struct Queue<T> {
    mail: Vec<T>,
    /// Of what was taken, so much waits with the shard.
    held: usize,
    /// The shard has ended: what is put in is dropped, which tells whoever waits for an answer.
    closed: bool,
}

impl<T> Queue<T> {
    fn len(&self) -> usize {
        self.mail.len() + self.held
    }
}

impl<T> Mailbox<T> {
    pub(crate) fn new(bound: usize, wake: Wake) -> Self {
        let (queue, room) = (Mutex::new(Queue { mail: Vec::new(), held: 0, closed: false }), Condvar::new());
        Self { queue, room, bound, armed: AtomicBool::new(false), waiting: AtomicU64::new(0), wake }
    }

    /// Puts something in whatever the bound.
    pub(crate) fn push(&self, mail: T) {
        let mut queue = self.queue();
        if queue.closed {
            drop(queue);
            // Only now, because what a letter drops may ask for this mailbox again.
            drop(mail);
            return;
        }
        queue.mail.push(mail);
        drop(queue);
        self.wake_if_armed();
    }

    /// Puts in, in order, what there is room for, as one push; the rest stays in `mail`. Never blocks.
    pub(crate) fn offer(&self, mail: &mut VecDeque<T>) {
        let mut queue = self.queue();
        let room = if queue.closed { 0 } else { self.bound.saturating_sub(queue.len()) };
        let taken = room.min(mail.len());
        queue.mail.extend(mail.drain(..taken));
        drop(queue);
        if taken > 0 {
            self.wake_if_armed();
        }
    }

    /// Whether there was room a moment ago; if not, `asker` is told by [`Mailbox::take`] when there is.
    pub(crate) fn has_room(&self, asker: u16) -> bool {
        if self.is_open() {
            return true;
        }
        self.waiting.fetch_or(1 << asker, Ordering::SeqCst);
        // The shard may have emptied it in between, and then tells nobody.
        self.is_open()
    }

    /// Whether there is room now.
    pub(crate) fn is_open(&self) -> bool {
        let queue = self.queue();
        !queue.closed && queue.len() < self.bound
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue().mail.is_empty()
    }

    /// Puts a batch in as one push, and waits where there is no room: for the dispatcher alone.
    pub(crate) fn push_when_room(&self, mail: &mut Vec<T>) {
        let full = |queue: &mut Queue<T>| !queue.closed && queue.len() >= self.bound;
        let mut queue = self.room.wait_while(self.queue(), full).expect(POISONED);
        if !queue.closed {
            queue.mail.append(mail);
        }
        drop(queue);
        mail.clear();
        self.wake_if_armed();
    }

    /// Takes all that waits into `into`, which must be empty. Returns the shards that wait for room, where there is some now.
    pub(crate) fn take(&self, into: &mut Vec<T>) -> ShardSet {
        self.change(|queue| std::mem::swap(&mut queue.mail, into))
    }

    /// So much of what was taken waits with the shard, and counts as if it were here still; so both together hold at most
    /// twice the bound. Returns the shards that wait for room, where there is some now.
    pub(crate) fn hold(&self, held: usize) -> ShardSet {
        self.change(|queue| queue.held = held)
    }

    /// Tells the dispatcher where that made room, and returns the shards that are to be told: where there is room for some,
    /// because each time they look through all that waits.
    fn change(&self, change: impl FnOnce(&mut Queue<T>)) -> ShardSet {
        let mut queue = self.queue();
        let was_full = queue.len() >= self.bound;
        change(&mut queue);
        let room = self.bound.saturating_sub(queue.len());
        drop(queue);
        if was_full && room > 0 {
            self.room.notify_all();
        }
        if room < (self.bound / 8).clamp(1, WORTH_TELLING) {
            return 0;
        }
        if self.waiting.load(Ordering::SeqCst) == 0 { 0 } else { self.waiting.swap(0, Ordering::SeqCst) }
    }

    /// The shard has ended: what waits is dropped, and what is put in from now on too.
    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        let left = std::mem::take(&mut queue.mail);
        drop(queue);
        drop(left);
        self.room.notify_all();
    }

    /// Says that the shard is about to sleep. False where something waits already: then it must not.
    pub(crate) fn arm(&self) -> bool {
        self.armed.store(true, Ordering::SeqCst);
        let empty = self.queue().mail.is_empty();
        if !empty {
            self.disarm();
        }
        empty
    }

    /// Says that the shard is awake.
    pub(crate) fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    fn wake_if_armed(&self) {
        if self.armed.swap(false, Ordering::SeqCst) {
            (self.wake)();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().expect(POISONED)
    }
}
