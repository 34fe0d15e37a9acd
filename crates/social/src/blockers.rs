//! Who has ever blocked somebody: most users never do, and a message to them need not ask the tables.

use std::{
    collections::HashSet,
    sync::{Arc, RwLock},
    time::Duration,
};

use tidings_server::{ServerSlot, act::Value, ports::StoreError};
use tidings_wire::UserId;

use crate::sql;

/// Users who are remembered at most. Where more have blocked somebody, the tables are asked for everybody.
const MOST: usize = 1_000_000;

/// Rows that are read at a time.
const PAGE: i64 = 1_000;

/// How long until a reading that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

const POISONED: &str = "nothing panics while it holds this lock";

/// Those of whom blocks may stand in the tables: nobody is missing, some may have taken theirs back. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Blockers(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    users: HashSet<UserId>,
    /// All who stand in the tables are among them.
    all: bool,
}

impl Blockers {
    /// Whether the user is known to have blocked nobody.
    pub(crate) fn spares(&self, user: UserId) -> bool {
        let known = self.0.read().expect(POISONED);
        known.all && !known.users.contains(&user)
    }

    /// The user is about to block somebody. Before that is written, so that nobody finds the table changed and the user missing here.
    pub(crate) fn add(&self, user: UserId) {
        let mut known = self.0.write().expect(POISONED);
        known.users.insert(user);
        known.all &= known.users.len() <= MOST;
    }

    /// Reads the tables, until that is done once.
    pub(crate) async fn read(&self, server: &ServerSlot) {
        while let Err(error) = self.read_once(server).await {
            warn(&error);
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn read_once(&self, server: &ServerSlot) -> Result<(), StoreError> {
        let mut after: Option<UserId> = None;
        loop {
            let (sql, values) = match after {
                None => (sql::BLOCKERS_FIRST, vec![Value::Int(PAGE)]),
                Some(after) => (sql::BLOCKERS_AFTER, vec![after.into(), Value::Int(PAGE)]),
            };
            let rows = match server.query(sql, values).await {
                // A deployment that keeps nothing keeps no blocks.
                Err(StoreError::NotEnabled) => Vec::new(),
                rows => rows?,
            };
            let page: Vec<UserId> = rows.iter().filter_map(|row| row[0].id()).map(UserId).collect();
            after = page.last().copied();
            let mut known = self.0.write().expect(POISONED);
            known.users.extend(&page);
            if known.users.len() > MOST {
                known.users = HashSet::new();
                return Ok(());
            }
            if (page.len() as i64) < PAGE {
                known.all = true;
                return Ok(());
            }
        }
    }
}

fn warn(error: &StoreError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, "who has blocked somebody can't be read: the tables are asked for each user until it can");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_spared_before_all_are_known_and_nobody_who_blocks_after() {
        let blockers = Blockers::default();
        let (ann, bob) = (UserId::new(1), UserId::new(2));
        assert!(!blockers.spares(ann));
        blockers.0.write().unwrap().all = true;
        assert!(blockers.spares(ann) && blockers.spares(bob));
        blockers.add(ann);
        assert!(!blockers.spares(ann) && blockers.spares(bob));
    }
}
