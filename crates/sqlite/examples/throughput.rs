//! How many messages a second the store commits with 1, 32 and 1,000 under way, how long each waits, and what it costs the
//! writer (Linux only): between 1,000 users in pairs, with random keys and 128 bytes of content.
//!
//! ```sh
//! cargo run --release -p tidings-sqlite --example throughput
//! ```
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{
    collections::VecDeque,
    error::Error,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use smallvec::smallvec;
use tidings_engine::{
    act::{Act, Entry, Op, Origin, Outcome, Settled},
    clock::SystemClock,
    ports::{CommitSink, MessageStore},
};
use tidings_sqlite::{SqliteOptions, SqliteStore};
use tidings_wire::{ConversationKey, MessageId, UserId};

const USERS: u64 = 1_000;
const LASTS: Duration = Duration::from_secs(5);

struct Tell(SyncSender<Vec<Settled>>);

impl CommitSink for Tell {
    fn settled(&self, batch: Vec<Settled>) {
        // The receiver has gone when the measurement is over.
        let _ = self.0.send(batch);
    }

    fn room(&self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("{:>9}  {:>9}  {:>9}  {:>9}  {:>9}", "under way", "acts/s", "p50 ms", "p99 ms", "CPU µs");
    for under_way in [1, 32, 1_000] {
        let folder = tempfile::tempdir()?;
        let store = SqliteStore::open(SqliteOptions::new(folder.path(), Arc::new(SystemClock::new())))?;
        let (tell, told) = sync_channel(4_096);
        store.start(Arc::new(Tell(tell)))?;
        let (acts, mut waits) = measure(&store, &told, under_way)?;
        waits.sort_unstable();
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        let per_second = acts as f64 / LASTS.as_secs_f64();
        let cost = writer_cpu().unwrap_or_default().as_secs_f64() * 1e6 / acts as f64;
        println!("{under_way:>9}  {per_second:>9.0}  {:>9.2}  {:>9.2}  {cost:>9.1}", at(50), at(99));
        store.stop();
    }
    Ok(())
}

/// What the writer's thread has used, from Linux' `/proc` in its ticks of 10 ms (proc_pid_stat(5), fields 14 and 15).
fn writer_cpu() -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    let stats = tasks.map(|task| std::fs::read_to_string(task.path().join("stat")).unwrap_or_default());
    let writer = stats.into_iter().find(|stat| stat.contains("(tidings-writer)"))?;
    let ticks = |field: usize| writer.rsplit_once(')')?.1.split(' ').nth(field - 2)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(14)? + ticks(15)?) * 10))
}

/// Keeps so many acts under way, each followed by another when it is settled.
fn measure(
    store: &SqliteStore,
    told: &Receiver<Vec<Settled>>,
    under_way: u64,
) -> Result<(u64, Vec<Duration>), Box<dyn Error>> {
    let begin = Instant::now();
    let mut next = 0;
    let mut sent: Vec<Instant> = Vec::new();
    let mut waits = Vec::new();
    let mut waiting: VecDeque<Act> = (0..under_way).map(|_| act(&mut next, &mut sent)).collect();
    store.submit(&mut waiting);
    while begin.elapsed() < LASTS {
        for settled in told.recv()? {
            assert!(matches!(settled.outcome, Outcome::Stored { .. }), "{:?}", settled.outcome);
            let Origin::Call(call) = settled.act.origin else { unreachable!("every act is a call") };
            waits.push(sent[call as usize].elapsed());
            waiting.push_back(act(&mut next, &mut sent));
        }
        store.submit(&mut waiting);
    }
    Ok((waits.len() as u64, waits))
}

fn act(next: &mut u64, sent: &mut Vec<Instant>) -> Act {
    let call = *next;
    *next += 1;
    sent.push(Instant::now());
    let from = rand::random::<u64>() % USERS;
    let [from, to] = [from, from ^ 1].map(|user| UserId::new(user as u32));
    let entry = Entry {
        conversation: ConversationKey::dm(from, to),
        id: MessageId::from_stored(call as i64 + 1).expect("not negative"),
        kind: "private",
        version: 1,
        body: format!("{{\"to\":{to},\"content\":\"{:0128}\"}}", call).into(),
        created_at_ms: 1_700_000_000_000 + call as i64,
        withheld: None,
    };
    let key = format!("{:032x}", rand::random::<u128>()).parse().expect("32 bytes are a key");
    Act {
        origin: Origin::Call(call),
        sender: Some(from),
        key: Some((key, rand::random())),
        require: smallvec![],
        ops: smallvec![Op::Message(entry)],
        project: None,
    }
}
