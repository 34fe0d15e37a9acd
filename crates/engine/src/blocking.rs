//! The node's threads for work that blocks.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
};

use futures_util::FutureExt;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads behind one bounded queue. When the queue is full, work is refused at once.
pub(crate) struct Blocking {
    jobs: SyncSender<Job>,
}

impl Blocking {
    /// Starts the threads. They end when this is dropped and the queue is empty.
    pub(crate) fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for index in 0..threads {
            let waiting = waiting.clone();
            std::thread::Builder::new().name(format!("blocking-{index}")).spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs })
    }

    /// Runs `work` on one of the threads; none where the queue is full or the work panicked.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody listens when the sender's time is over: the result is dropped then.
            let _ = answer.send(work());
        });
        let taken = self.jobs.try_send(job).is_ok();
        answered.map(move |result| result.ok().filter(|_| taken))
    }
}

/// Waits for a future on this thread, which has no runtime and nothing else to do: the dispatcher's.
pub(crate) fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // A wake that came in between makes this return at once.
            Poll::Pending => std::thread::park(),
        }
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().expect("no thread panics while it takes a job").recv();
        let Ok(job) = job else { return };
        // A panic drops the answer's sender, which tells the caller; the thread goes on.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_runs_elsewhere_and_a_panic_costs_only_its_own_answer() {
        let blocking = Blocking::start(1, 4).unwrap();
        let here = std::thread::current().id();
        assert_eq!(blocking.run(move || std::thread::current().id() != here).await, Some(true));
        assert_eq!(blocking.run(|| -> u8 { panic!("a defect of the app") }).await, None);
        assert_eq!(blocking.run(|| 7).await, Some(7));
    }

    #[test]
    fn a_thread_waits_for_what_another_one_brings() {
        let (answer, answered) = oneshot::channel();
        let other = std::thread::spawn(move || answer.send(7));
        assert_eq!(wait_for(answered), Ok(7));
        assert_eq!(other.join().unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let blocking = Blocking::start(1, 1).unwrap();
        let (release, wait) = sync_channel::<()>(0);
        let (started, running) = sync_channel::<()>(0);
        let first = blocking.run(move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
        });
        running.recv().unwrap();
        let second = blocking.run(|| 2);
        assert_eq!(blocking.run(|| 3).await, None);
        release.send(()).unwrap();
        assert_eq!((first.await, second.await), (Some(()), Some(2)));
    }
}
