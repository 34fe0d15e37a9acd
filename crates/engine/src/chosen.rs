//! What users chose for themselves, as far as it is not what everybody has.

use std::sync::RwLock;

use hashbrown::HashMap;
use tidings_wire::UserId;

use crate::ports::Choices;

/// Users who chose something, as they were read last. Those who are not here have what everybody has.
#[derive(Default)]
pub(crate) struct Chosen(RwLock<HashMap<UserId, Choices>>);

/// Users that are remembered. One more and all are forgotten: they are read again when they connect.
const USERS: usize = 100_000;

const POISONED: &str = "nothing panics while it holds this lock";

impl Chosen {
    /// What the store says.
    pub(crate) fn learn(&self, user: UserId, choices: Choices) {
        if choices == Choices::default() && !self.0.read().expect(POISONED).contains_key(&user) {
            return;
        }
        let mut chosen = self.0.write().expect(POISONED);
        if choices == Choices::default() {
            chosen.remove(&user);
            return;
        }
        if chosen.len() >= USERS {
            chosen.clear();
        }
        chosen.insert(user, choices);
    }

    /// What the user chose.
    pub(crate) fn of(&self, user: UserId) -> Choices {
        self.0.read().expect(POISONED).get(&user).copied().unwrap_or_default()
    }
}
