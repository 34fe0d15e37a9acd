//! Lives one after another on the same database: each begins on what the cut before left, so that what recovery writes is cut
//! too.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tidings_sqlite::Planted;

use super::{
    book::{Book, Wrong},
    disk::{Cut, Deed, Disk, FailedSyncs, Loss, Moment, Part},
    life::Life,
    vfs::{Plugged, plug},
};

/// Names a seed: then that chain alone is run.
pub(crate) const SEED: &str = "TIDINGS_TEST_POWER_SEED";

/// Steps of a first start, and some more: it makes the tables, changes to the log, makes a pack's table.
pub(crate) const FIRST_STEPS: u64 = 80;

/// Where the cuts of a chain fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// Ten, anywhere.
    Anywhere,
    /// Three, the first in a step of the first start, which the seed names.
    FirstStart,
    /// Ten, anywhere, and before most of them a few syncs of this file, or of the folder, fail with the power on; in half of the
    /// lives the store is then stopped, and started again with the power still on.
    FailedSyncs(Moment),
}

/// What is wrong with the store or the disk, and must be found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mistake {
    /// The writer's.
    Planted(Planted),
    /// The disk's: it says that it did this, and never does.
    Lie(Moment),
}

/// What chains came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cuts: usize,
    /// How often the cut fell where. Those that came after a stop in good order fell nowhere.
    pub(crate) moments: BTreeMap<Moment, usize>,
    pub(crate) acknowledged: usize,
    /// Written, and not synced when the power went.
    pub(crate) unsynced_bytes: usize,
    /// Syncs that failed with the power on.
    pub(crate) failed_syncs: usize,
}

/// A loss that was found.
pub(crate) struct Found {
    pub(crate) seed: u64,
    /// Cuts of its chain until it was found.
    pub(crate) cuts: usize,
    pub(crate) wrong: Wrong,
    /// What the cut had left, to look into.
    pub(crate) kept: PathBuf,
}

impl Course {
    /// Cuts of one chain.
    pub(crate) fn cuts(self) -> usize {
        match self {
            Self::Anywhere | Self::FailedSyncs(_) => 10,
            Self::FirstStart => 3,
        }
    }

    /// Acts of each sender between two cuts, at most.
    fn acts(self) -> usize {
        match self {
            Self::Anywhere | Self::FailedSyncs(_) => 300,
            Self::FirstStart => 50,
        }
    }

    fn cut(self, seed: u64, cuts: usize, rng: &mut StdRng) -> Cut {
        match self {
            _ if cuts == self.cuts() => Cut::Never,
            Self::FirstStart if cuts == 0 => Cut::InStep(1 + seed % FIRST_STEPS),
            Self::Anywhere | Self::FirstStart | Self::FailedSyncs(_) => anywhere(rng),
        }
    }

    fn failed_syncs(self, cuts: usize, rng: &mut StdRng) -> Option<FailedSyncs> {
        let Self::FailedSyncs(of) = self else { return None };
        // A new database has nothing to lose yet, and its first start is made as one.
        let range = if of.1 == Deed::SyncFolder { 1..3 } else { 1..20 };
        (0 < cuts && cuts < self.cuts()).then(|| FailedSyncs {
            of,
            first: rng.random_range(range),
            count: rng.random_range(1..4),
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, cuts, wrong, kept } = self;
        let kept = kept.display();
        write!(
            f,
            "seed {seed}, after cut {cuts}: {wrong}\n{SEED}={seed} repeats it; {kept} holds what the cut had left"
        )
    }
}

impl Tally {
    /// Adds up.
    pub(crate) fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.acknowledged += other.acknowledged;
        self.unsynced_bytes += other.unsynced_bytes;
        self.failed_syncs += other.failed_syncs;
        for (moment, count) in other.moments {
            *self.moments.entry(moment).or_default() += count;
        }
    }
}

/// The seed that the environment gives, if it does.
pub(crate) fn given_seed() -> Option<u64> {
    std::env::var(SEED).ok().map(|seed| seed.parse().expect("the seed is a number"))
}

/// Runs so many chains from a seed on, two at a time, until something is found.
///
/// # Errors
/// What was found first.
pub(crate) fn chains(first: u64, count: u64, course: Course, mistake: Option<Mistake>) -> Result<Tally, Found> {
    println!("seeds {first} to {}", first + count - 1);
    let next = AtomicU64::new(first);
    let total = Mutex::new(Ok(Tally::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || total.lock().unwrap().is_err() {
                return;
            }
            let ended = chain(seed, course, mistake);
            let mut total = total.lock().unwrap();
            match (&mut *total, ended) {
                (Ok(total), Ok(tally)) => total.add(tally),
                (Ok(_), Err(found)) => *total = Err(found),
                (Err(_), _) => {}
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    total.into_inner().unwrap()
}

fn chain(seed: u64, course: Course, mistake: Option<Mistake>) -> Result<Tally, Found> {
    let mut rng = StdRng::seed_from_u64(seed);
    let book = Mutex::new(Book::default());
    let mut tally = Tally::default();
    let mut left = BTreeMap::new();
    let lie = if let Some(Mistake::Lie(moment)) = mistake { Some(moment) } else { None };
    // After the last cut it is only checked.
    for cuts in 0..=course.cuts() {
        let is_last = cuts == course.cuts();
        let folder = folder_with(&left, &mut rng);
        let path = folder.path().canonicalize().expect("it was just made");
        let mut disk = Disk::new(course.cut(seed, cuts, &mut rng), lie);
        let failed_syncs = course.failed_syncs(cuts, &mut rng);
        failed_syncs.into_iter().for_each(|syncs| disk.fail(syncs));
        let plugged = plug(&path, disk);
        let acts = if is_last { 0 } else { course.acts() };
        let starts = if failed_syncs.is_some() { rng.random_range(1..=2) } else { 1 };
        let lived = (0..starts).try_for_each(|_| life(&mut rng, acts, mistake).run(&path, &plugged, &book));
        if let Err(wrong) = lived {
            return Err(Found { seed, cuts, wrong, kept: keep(folder, &left) });
        }
        if is_last {
            break;
        }
        let disk = plugged_off(plugged);
        tally.note(&disk);
        left = disk.remains(loss(&mut rng), &mut rng);
    }
    tally.acknowledged = book.into_inner().unwrap().acknowledged();
    Ok(tally)
}

fn plugged_off(plugged: Plugged) -> Disk {
    plugged.disk().turn_off();
    plugged.unplug()
}

impl Tally {
    fn note(&mut self, disk: &Disk) {
        self.cuts += 1;
        self.unsynced_bytes += disk.unsynced_bytes();
        self.failed_syncs += disk.failed_syncs();
        if let Some(moment) = disk.cut() {
            *self.moments.entry(moment).or_default() += 1;
        }
    }
}

/// A folder with what the last cut left. The shared memory's file is never synced: it may be gone, or hold anything.
fn folder_with(left: &BTreeMap<String, Vec<u8>>, rng: &mut StdRng) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    write(folder.path(), left);
    if !left.is_empty() && rng.random_bool(0.3) {
        let mut noise = vec![0; 32_768];
        rng.fill_bytes(&mut noise);
        std::fs::write(folder.path().join("tidings.db-shm"), noise).expect("it can be written");
    }
    folder
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in files {
        std::fs::write(folder.join(name), content).expect("it can be written");
    }
}

/// Leaves for the reader of a failure what the cut had left, before anything was opened on it.
fn keep(folder: TempDir, left: &BTreeMap<String, Vec<u8>>) -> PathBuf {
    let path = folder.keep();
    std::fs::remove_dir_all(&path).expect("it is this test's own");
    std::fs::create_dir(&path).expect("it was there before");
    write(&path, left);
    path
}

/// Half of the cuts fall anywhere, most of them into writes of the log, of which there are most. The others are meant for what
/// is rare: checkpoints, the log's beginning and end.
fn anywhere(rng: &mut StdRng) -> Cut {
    if rng.random() {
        return Cut::InStep(rng.random_range(1..1_000));
    }
    let (moment, most) = RARE[rng.random_range(0..RARE.len())];
    Cut::In(moment, rng.random_range(1..=most))
}

/// What happens rarely, and how often about in a life.
pub(crate) const RARE: [(Moment, u64); 6] = [
    ((Part::Database, Deed::Write), 60),
    ((Part::Database, Deed::Sync), 6),
    ((Part::Log, Deed::Sync), 30),
    ((Part::Log, Deed::SyncFolder), 1),
    ((Part::Log, Deed::Truncate), 1),
    ((Part::Log, Deed::Delete), 1),
];

fn life(rng: &mut StdRng, acts: usize, mistake: Option<Mistake>) -> Life {
    Life {
        seed: rng.random(),
        senders: rng.random_range(1..=4),
        under_way: rng.random_range(1..=16),
        each: rng.random_range(0..=acts),
        commit_acts: [1, 4, 256][rng.random_range(0..3)],
        checkpoint_pages: [1, 8, 40, 10_000][rng.random_range(0..4)],
        log_bytes: if rng.random() { 256 << 20 } else { 16 << 10 },
        planted: if let Some(Mistake::Planted(planted)) = mistake { Some(planted) } else { None },
    }
}

fn loss(rng: &mut StdRng) -> Loss {
    let chance = [0.1, 0.5, 0.9][rng.random_range(0..3)];
    [Loss::All, Loss::AllButFirst, Loss::Some(chance), Loss::Torn(chance)][rng.random_range(0..4)]
}
