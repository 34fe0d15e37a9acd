//! The node's one dispatcher: a thread that hands committed rows and answers to the shards in commit order.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    task::{Wake, Waker},
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    act::{CommitNumber, Settled},
    desk::Desk,
    node::Node,
    ports::CommitSink,
};

/// Batches that wait between the store's writer and the dispatcher. When full, the writer waits.
const BATCHES: usize = 64;

/// How often the node's slow upkeep runs.
const UPKEEP: Duration = Duration::from_secs(10);

enum News {
    Settled(Vec<Settled>),
    Room,
    /// A future of the desk has come forward.
    Nudge,
    Stop,
}

/// The writer's end.
pub(crate) struct Sink(SyncSender<News>);

/// The thread's end, before it runs.
pub(crate) struct Dispatcher(Receiver<News>);

/// Wakes the dispatcher for its desk.
struct Nudge {
    to: SyncSender<News>,
    pending: AtomicBool,
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        if !self.pending.swap(true, Ordering::SeqCst) {
            // A dispatcher with a full queue is awake, and looks at the flag before it sleeps.
            let _ = self.to.try_send(News::Nudge);
        }
    }
}

/// The running thread.
pub(crate) struct Running {
    stop: SyncSender<News>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The two ends. The store is started with the sink before the node exists, because the node's ids go on from the store's last.
pub(crate) fn channel() -> (Arc<Sink>, Dispatcher) {
    let (sender, receiver) = sync_channel(BATCHES);
    (Arc::new(Sink(sender)), Dispatcher(receiver))
}

impl CommitSink for Sink {
    fn settled(&self, batch: Vec<Settled>) {
        // Only a stopped dispatcher takes nothing, and then nobody is connected.
        let _ = self.0.send(News::Settled(batch));
    }

    fn room(&self) {
        let _ = self.0.send(News::Room);
    }
}

impl Dispatcher {
    /// Starts the thread.
    pub(crate) fn start(self, node: Node, sink: &Sink, last_commit: CommitNumber) -> std::io::Result<Running> {
        let stop = sink.0.clone();
        let nudge = Arc::new(Nudge { to: sink.0.clone(), pending: AtomicBool::new(false) });
        let thread = std::thread::Builder::new()
            .name("dispatcher".into())
            .spawn(move || crate::abort::on_panic("dispatcher", || self.run(&node, last_commit, &nudge)))?;
        Ok(Running { stop, thread: Mutex::new(Some(thread)) })
    }

    fn run(&self, node: &Node, last_commit: CommitNumber, nudge: &Arc<Nudge>) {
        let clock = &node.services().clock;
        let waker = Waker::from(nudge.clone());
        let mut desk = Desk::new(node, last_commit, clock.now().mono);
        let mut upkeep_at = clock.now().mono + UPKEEP;
        loop {
            let receipts_at = node.tell_receipts(clock.now().mono).unwrap_or(Duration::MAX);
            nudge.pending.store(false, Ordering::SeqCst);
            let desk_at = desk.step(node, &waker, clock.now());
            let next = receipts_at.min(desk_at).min(upkeep_at);
            match self.next(&mut desk, next.saturating_sub(clock.now().mono)) {
                Ok(News::Settled(batch)) => desk.dispatch(node, batch),
                Ok(News::Room) => node.store_has_room(),
                Ok(News::Nudge) | Err(RecvTimeoutError::Timeout) => {}
                Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            // Commits may come without a pause.
            if upkeep_at <= clock.now().mono {
                node.sweep();
                upkeep_at = clock.now().mono + UPKEEP;
            }
        }
    }

    fn next(&self, desk: &mut Desk, wait: Duration) -> Result<News, RecvTimeoutError> {
        match self.0.try_recv() {
            Ok(news) => Ok(news),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {
                desk.idle();
                self.0.recv_timeout(wait)
            }
        }
    }
}

impl Running {
    /// Delivers what has been committed, and ends the thread.
    pub(crate) fn stop(&self) {
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = self.stop.send(News::Stop);
            // It ends the process itself where it panics.
            let _ = thread.join();
        }
    }
}
