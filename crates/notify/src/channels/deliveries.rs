//! What a notice writes beside its row, so that it goes out on the channels on which it is wanted.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tidings_server::act::{Value, Write};
use tidings_wire::Reject;
use tokio::sync::Semaphore;

use super::{Addressed, Channel, DeliverySettings, sql};
use crate::{
    kind::Kind,
    shared::Shared,
    wants::Wanted,
    writing::{Entry, group_key},
};

const POISONED: &str = "nothing panics while it holds this lock";

/// The channels, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Channels {
    pub(crate) settings: DeliverySettings,
    pub(crate) lines: Vec<Arc<Line>>,
}

/// A channel with what its worker knows without asking the store.
pub(crate) struct Line {
    pub(crate) channel: Arc<dyn Channel>,
    /// Something may be there that the worker has not seen.
    came: AtomicBool,
    /// Those under way: at most as many as there are places.
    taken: Mutex<BTreeSet<(i64, i64)>>,
    pub(crate) places: Arc<Semaphore>,
}

/// A delivery that nobody else takes as long as this lives.
pub(crate) struct Taken {
    line: Arc<Line>,
    key: (i64, i64),
}

impl Channels {
    pub(crate) fn new(channels: Vec<Arc<dyn Channel>>, settings: DeliverySettings) -> Self {
        let line = |channel| Line {
            channel,
            came: AtomicBool::new(true),
            taken: Mutex::default(),
            places: Arc::new(Semaphore::new(settings.at_once.max(1))),
        };
        Self { settings, lines: channels.into_iter().map(|channel| Arc::new(line(channel))).collect() }
    }

    /// Something was committed: there may be deliveries.
    pub(crate) fn came(&self) {
        for line in &self.lines {
            line.came.store(true, Ordering::SeqCst);
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.lines.iter().map(|line| line.channel.name())
    }
}

impl Line {
    /// Whether something came since it was asked last.
    pub(crate) fn has_come(&self) -> bool {
        self.came.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn take(self: &Arc<Self>, key: (i64, i64)) -> Option<Taken> {
        let is_free = self.taken.lock().expect(POISONED).insert(key);
        is_free.then(|| Taken { line: self.clone(), key })
    }
}

impl Taken {
    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.line.taken.lock().expect(POISONED).remove(&self.key);
        self.line.came.store(true, Ordering::SeqCst);
    }
}

/// Behind the statements by which it came into the inbox: its deliveries, one for each channel on which it is wanted. One that waits
/// for the row already takes it along. What waits among the requests goes nowhere.
pub(crate) fn deliver(
    shared: &Shared,
    entry: &Entry<'_>,
    (kind, wanted): (Option<&Kind>, &Wanted),
    writes: &mut Vec<Write>,
) -> Result<(), Reject> {
    if entry.is_request {
        return Ok(());
    }
    let delay = i64::try_from(shared.channels.settings.delay.as_secs()).unwrap_or(i64::MAX);
    for line in &shared.channels.lines {
        let name = line.channel.name();
        // What nobody can switch off still goes only where its kind says.
        let is_elsewhere = kind.is_some_and(|kind| kind.mandatory && !kind.channels.iter().any(|one| one == name));
        if is_elsewhere || !wanted.wants((entry.subtype, kind), entry.group, name).0 {
            continue;
        }
        let due_at = Value::Int(entry.at.saturating_add(delay));
        let mut values = vec![Value::Int(shared.new_id()?.get()), name.into(), due_at, Value::Int(entry.at)];
        match entry.group {
            None => values.push(Value::Int(entry.id.get())),
            Some(group) => {
                let group = group_key(group, entry.is_request);
                values.extend([entry.owner.into(), entry.subtype.into(), group.as_str().into()]);
            }
        }
        let sql = match (line.channel.addressed(), entry.group) {
            (Addressed::User(_), None) => sql::DELIVER_ROW,
            (Addressed::User(_), Some(_)) => sql::DELIVER_GROUP,
            (Addressed::Each(_), None) => sql::DELIVER_ROW_EACH,
            (Addressed::Each(_), Some(_)) => sql::DELIVER_GROUP_EACH,
        };
        if let Addressed::Each(kind) = line.channel.addressed() {
            values.push(kind.as_str().into());
        }
        writes.push(Write::new(sql, values));
    }
    Ok(())
}
