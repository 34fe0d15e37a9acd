//! A disk as a power cut leaves it: what was synced, and of the rest what happened to get there.

use std::{collections::BTreeMap, fmt, mem};

use rand::{Rng, RngExt, rngs::StdRng};

/// What a disk writes whole or not at all. SQLite counts on no more than that a write leaves its neighbours alone
/// (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`); smaller pieces are harsher than a disk with 4,096.
const SECTOR_BYTES: u64 = 512;

/// It is not done: the power is off, or a sync failed.
#[derive(Debug)]
pub(crate) struct Failed;

/// Which file a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Database,
    /// The write-ahead log.
    Log,
    /// The journal that SQLite uses until the log's mode is written into the file.
    Journal,
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    Create,
    Write,
    Truncate,
    Sync,
    Delete,
    /// Of the name, where it is new or gone.
    SyncFolder,
}

/// What the disk is asked to do.
pub(crate) type Moment = (Part, Deed);

/// When the power goes: in the middle of a step, which is not done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// In this step of all, from 1 on.
    InStep(u64),
    /// In this one of its kind, from 1 on.
    In(Moment, u64),
    /// Not by itself: [`Disk::turn_off`].
    Never,
}

/// Syncs that fail with the power on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedSyncs {
    /// A sync of a file, or of the folder.
    pub(crate) of: Moment,
    /// The first that fails, from 1 on.
    pub(crate) first: u64,
    /// How many fail, one after another.
    pub(crate) count: u64,
}

/// What becomes of that which was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// All of it is lost.
    All,
    /// What was done first got there: nothing was reordered.
    AllButFirst,
    /// Each sector of each write, each truncation and each name got there with this chance, in any order.
    Some(f64),
    /// As [`Loss::Some`], and a quarter of the sectors that did not are neither old nor new.
    Torn(f64),
}

/// A file's number. A name that is given again is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileNumber(usize);

/// What was done and not synced.
enum Change {
    Write { file: FileNumber, at: u64, bytes: Vec<u8> },
    Truncate { file: FileNumber, length: u64 },
    Name { name: String, file: Option<FileNumber> },
}

/// The disk of one life of the store, from the power's coming to its going.
pub(crate) struct Disk {
    /// What is synced, by [`FileNumber`].
    files: Vec<Vec<u8>>,
    /// The folder as it is synced.
    names: BTreeMap<String, FileNumber>,
    /// The folder as SQLite sees it.
    names_now: BTreeMap<String, FileNumber>,
    changes: Vec<Change>,
    /// Steps still to do before the cut.
    planned: Cut,
    cut: Option<Moment>,
    off: bool,
    /// What the disk says that it did, and did not.
    lie: Option<Moment>,
    failing: Option<FailedSyncs>,
    failed_syncs: usize,
}

impl Disk {
    /// An empty one. Writes, truncations, syncs, creations and deletions are its steps. It never does what `lie` names, and
    /// says that it did.
    pub(crate) fn new(cut: Cut, lie: Option<Moment>) -> Self {
        Self {
            files: Vec::new(),
            names: BTreeMap::new(),
            names_now: BTreeMap::new(),
            changes: Vec::new(),
            planned: cut,
            cut: None,
            off: false,
            lie,
            failing: None,
            failed_syncs: 0,
        }
    }

    /// Has syncs of a file or of the folder fail with the power on. As on Linux, what a file's sync could not write counts as
    /// written then: it is read as it is, no later sync writes it, and it goes with the power unless it is written again. Names
    /// are still written by a later sync of the folder.
    pub(crate) fn fail(&mut self, syncs: FailedSyncs) {
        self.failing = Some(syncs);
    }

    /// How many syncs failed with the power on.
    pub(crate) fn failed_syncs(&self) -> usize {
        self.failed_syncs
    }

    /// Ends it, if the cut did not come by itself.
    pub(crate) fn turn_off(&mut self) {
        self.off = true;
    }

    /// Whether the power is off.
    pub(crate) fn is_off(&self) -> bool {
        self.off
    }

    /// In the middle of what it went off.
    pub(crate) fn cut(&self) -> Option<Moment> {
        self.cut
    }

    /// Bytes written that the cut may take.
    pub(crate) fn unsynced_bytes(&self) -> usize {
        let bytes = |change: &Change| if let Change::Write { bytes, .. } = change { bytes.len() } else { 0 };
        self.changes.iter().map(bytes).sum()
    }

    /// A file that SQLite did not make itself: whoever made it synced it with its folder.
    pub(crate) fn found(&mut self, name: &str, content: impl FnOnce() -> Vec<u8>) -> FileNumber {
        if let Some(file) = self.names_now.get(name) {
            return *file;
        }
        let file = self.add(content());
        self.names.insert(name.to_owned(), file);
        self.names_now.insert(name.to_owned(), file);
        file
    }

    /// A new file, whose name is not synced yet.
    pub(crate) fn create(&mut self, name: &str) -> Result<FileNumber, Failed> {
        let step = self.step((part(name), Deed::Create));
        let file = self.add(Vec::new());
        self.names_now.insert(name.to_owned(), file);
        self.changes.push(Change::Name { name: name.to_owned(), file: Some(file) });
        step.map(|()| file)
    }

    /// Whether SQLite sees a file of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names_now.contains_key(name)
    }

    pub(crate) fn delete(&mut self, name: &str, sync_folder: bool) -> Result<(), Failed> {
        let step = self.step((part(name), Deed::Delete));
        self.names_now.remove(name);
        self.changes.push(Change::Name { name: name.to_owned(), file: None });
        step?;
        if sync_folder { self.sync_folder(part(name)) } else { Ok(()) }
    }

    pub(crate) fn write(&mut self, part: Part, file: FileNumber, at: u64, bytes: &[u8]) -> Result<(), Failed> {
        let step = self.step((part, Deed::Write));
        // What is under way when the power goes may arrive, whole or in part.
        self.changes.push(Change::Write { file, at, bytes: bytes.to_vec() });
        step
    }

    pub(crate) fn truncate(&mut self, part: Part, file: FileNumber, length: u64) -> Result<(), Failed> {
        let step = self.step((part, Deed::Truncate));
        self.changes.push(Change::Truncate { file, length });
        step
    }

    /// Syncs one file; the others' changes stay as they are.
    pub(crate) fn sync(&mut self, part: Part, file: FileNumber) -> Result<(), Failed> {
        self.step((part, Deed::Sync))?;
        if self.lie == Some((part, Deed::Sync)) {
            return Ok(());
        }
        if self.fails((part, Deed::Sync)) {
            self.changes.retain(|change| !change.is_to(file));
            return Err(Failed);
        }
        for change in mem::take(&mut self.changes) {
            match change {
                Change::Write { file: written, at, bytes } if written == file => overwrite(self.file(file), at, &bytes),
                Change::Truncate { file: written, length } if written == file => {
                    self.file(file).resize(length as usize, 0);
                }
                other => self.changes.push(other),
            }
        }
        Ok(())
    }

    /// Syncs the names of all files.
    pub(crate) fn sync_folder(&mut self, part: Part) -> Result<(), Failed> {
        self.step((part, Deed::SyncFolder))?;
        if self.lie == Some((part, Deed::SyncFolder)) {
            return Ok(());
        }
        if self.fails((part, Deed::SyncFolder)) {
            return Err(Failed);
        }
        for change in mem::take(&mut self.changes) {
            match change {
                Change::Name { name, file } => set_name(&mut self.names, name, file),
                other => self.changes.push(other),
            }
        }
        Ok(())
    }

    /// Gives a synced file a name, for good, in place of the one that has it.
    pub(crate) fn replace(&mut self, name: &str, content: Vec<u8>) -> Result<(), Failed> {
        self.sync_folder(part(name))?;
        let file = self.add(content);
        self.names.insert(name.to_owned(), file);
        self.names_now.insert(name.to_owned(), file);
        Ok(())
    }

    /// What is on the disk when the power comes back.
    pub(crate) fn remains(mut self, loss: Loss, rng: &mut StdRng) -> BTreeMap<String, Vec<u8>> {
        assert!(self.off, "the power is on");
        let changes = mem::take(&mut self.changes);
        let first = rng.random_range(0..=changes.len());
        for (number, change) in changes.into_iter().enumerate() {
            let chance = match loss {
                Loss::All => 0.0,
                Loss::AllButFirst if number < first => 1.0,
                Loss::AllButFirst => 0.0,
                Loss::Some(chance) | Loss::Torn(chance) => chance,
            };
            self.survive(change, chance, matches!(loss, Loss::Torn(_)), rng);
        }
        let Self { mut files, names, .. } = self;
        names.into_iter().map(|(name, file)| (name, mem::take(&mut files[file.0]))).collect()
    }

    fn survive(&mut self, change: Change, chance: f64, torn: bool, rng: &mut StdRng) {
        match change {
            Change::Write { file, at, bytes } => {
                for (at, piece) in sectors(at, &bytes) {
                    if rng.random_bool(chance) {
                        overwrite(self.file(file), at, piece);
                    } else if torn && rng.random_bool(0.25) {
                        let mut noise = vec![0; piece.len()];
                        rng.fill_bytes(&mut noise);
                        overwrite(self.file(file), at, &noise);
                    }
                }
            }
            Change::Truncate { file, length } if rng.random_bool(chance) => self.file(file).resize(length as usize, 0),
            Change::Name { name, file } if rng.random_bool(chance) => set_name(&mut self.names, name, file),
            Change::Truncate { .. } | Change::Name { .. } => {}
        }
    }

    fn step(&mut self, moment: Moment) -> Result<(), Failed> {
        if self.off {
            return Err(Failed);
        }
        let left = match &mut self.planned {
            Cut::InStep(left) => left,
            Cut::In(planned, left) if *planned == moment => left,
            Cut::In(..) | Cut::Never => return Ok(()),
        };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Ok(());
        }
        self.off = true;
        self.cut = Some(moment);
        Err(Failed)
    }

    fn fails(&mut self, moment: Moment) -> bool {
        let Some(syncs) = self.failing.as_mut().filter(|syncs| syncs.of == moment) else { return false };
        syncs.first = syncs.first.saturating_sub(1);
        if syncs.first > 0 || syncs.count == 0 {
            return false;
        }
        syncs.count -= 1;
        self.failed_syncs += 1;
        true
    }

    fn add(&mut self, content: Vec<u8>) -> FileNumber {
        self.files.push(content);
        FileNumber(self.files.len() - 1)
    }

    fn file(&mut self, file: FileNumber) -> &mut Vec<u8> {
        &mut self.files[file.0]
    }
}

impl Change {
    fn is_to(&self, written: FileNumber) -> bool {
        match self {
            Self::Write { file, .. } | Self::Truncate { file, .. } => *file == written,
            Self::Name { .. } => false,
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("cut", &self.cut).finish_non_exhaustive()
    }
}

/// Which part of the database a file is.
pub(crate) fn part(name: &str) -> Part {
    match name.rsplit_once('-') {
        Some((_, "wal")) => Part::Log,
        Some((_, "journal")) => Part::Journal,
        _ => Part::Database,
    }
}

fn set_name(names: &mut BTreeMap<String, FileNumber>, name: String, file: Option<FileNumber>) {
    match file {
        Some(file) => drop(names.insert(name, file)),
        None => drop(names.remove(&name)),
    }
}

fn overwrite(content: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let (begin, end) = (at as usize, at as usize + bytes.len());
    if content.len() < end {
        // A gap reads as zeros.
        content.resize(end, 0);
    }
    content[begin..end].copy_from_slice(bytes);
}

/// Cuts a write where sectors begin.
fn sectors(at: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = bytes;
    let mut at = at;
    std::iter::from_fn(move || {
        let room = (SECTOR_BYTES - at % SECTOR_BYTES) as usize;
        let (piece, left) = rest.split_at(room.min(rest.len()));
        let begin = at;
        rest = left;
        at += piece.len() as u64;
        (!piece.is_empty()).then_some((begin, piece))
    })
}

#[cfg(test)]
mod tests;
