//! A shard's poll, of its sockets, its waker and its alarm: waited for directly, or through tokio while handlers run.

use std::{
    cell::RefCell,
    io,
    os::fd::{AsRawFd, RawFd},
    sync::Arc,
    time::Duration,
};

use mio::{Events, Registry, Token, Waker};
use tokio::io::unix::AsyncFd;

use crate::{alarm::Alarm, clock::Now, mailbox::Wake};

/// The token of the waker. Slots never reach it.
const WAKE: Token = Token(usize::MAX);

/// The token of the alarm; nor this.
const ALARM: Token = Token(usize::MAX - 1);

/// What is made before the thread starts, so that what fails, fails at start.
pub(crate) struct Prepared {
    poll: mio::Poll,
    waker: Arc<Waker>,
    alarm: Alarm,
}

/// The poll, once a runtime watches it.
pub(crate) struct Poll {
    inner: AsyncFd<PollFd>,
    alarm: Alarm,
}

/// A `mio::Poll` that tokio watches.
struct PollFd(RefCell<mio::Poll>);

impl AsRawFd for PollFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.borrow().as_raw_fd()
    }
}

impl Prepared {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let alarm = Alarm::new(poll.registry(), ALARM)?;
        Ok(Self { poll, waker, alarm })
    }

    /// Wakes the shard from any thread.
    pub(crate) fn wake(&self) -> Wake {
        let waker = self.waker.clone();
        Box::new(move || {
            if let Err(error) = waker.wake() {
                tracing::error!(%error, "a shard could not be woken");
            }
        })
    }

    /// The poll, watched by the runtime that this is called in.
    pub(crate) fn watched(self) -> io::Result<Poll> {
        Ok(Poll { inner: watch(self.poll)?, alarm: self.alarm })
    }
}

impl Poll {
    /// What sockets are registered with.
    pub(crate) fn registry(&self) -> io::Result<Registry> {
        self.inner.get_ref().0.borrow().registry().try_clone()
    }

    /// Takes what the kernel has, without waiting.
    pub(crate) fn look(&mut self, events: &mut Events) -> io::Result<()> {
        self.take(events, Some(Duration::ZERO))
    }

    /// The same, and waits where it has nothing, at most so long from `now` on.
    pub(crate) fn sleep(&mut self, events: &mut Events, now: Now, timeout: Option<Duration>) -> io::Result<()> {
        let limit = self.alarm.set(now.mono, timeout)?;
        self.take(events, limit)
    }

    /// Waits until there is something, at most so long from `now` on, while tokio runs other tasks.
    pub(crate) async fn readable(&mut self, now: Now, timeout: Option<Duration>) -> io::Result<()> {
        let limit = self.alarm.set(now.mono, timeout)?;
        let pause = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            readable = self.inner.readable() => readable?.clear_ready(),
            () = pause => {}
        }
        Ok(())
    }

    fn take(&mut self, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
        match self.inner.get_ref().0.borrow_mut().poll(events, limit) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => other?,
        }
        if events.iter().any(|event| event.token() == ALARM) {
            self.alarm.rang();
        }
        Ok(())
    }
}

#[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
fn watch(poll: mio::Poll) -> io::Result<AsyncFd<PollFd>> {
    // SAFETY: `as_raw_fd` always returns the descriptor of the `mio::Poll` that `PollFd` owns and never replaces or closes
    // while it lives, and `AsyncFd` owns the `PollFd`.
    unsafe { AsyncFd::register_with_interest(PollFd(RefCell::new(poll)), tokio::io::Interest::READABLE) }
        .map_err(io::Error::from)
}
