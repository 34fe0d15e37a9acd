//! What a user wants to be notified of, and how.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tidings_server::utoipa::{self, ToSchema};
use tidings_wire::{Reject, UserId};

use crate::{
    kind::Kind,
    quiet::{Quiet, QuietHours},
    shared::Shared,
    sql,
};

/// What becomes of what somebody does who stands so to the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rule {
    /// It comes into the inbox.
    #[default]
    Accept,
    /// It waits among the requests: not counted, not pushed.
    Filter,
    /// It is dropped.
    Drop,
}

/// What a user wants of people who are not close to them. The strictest that fits holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Policy {
    /// People of whom neither follows the other.
    pub(crate) strangers: Rule,
    /// People whom the user does not follow.
    pub(crate) not_followed: Rule,
    /// Accounts that are younger than 30 days, as far as the app tells (`created_at` in the profile's data, Unix seconds).
    pub(crate) new_accounts: Rule,
}

impl Policy {
    /// Whether nobody need be asked how two users stand to one another.
    pub(crate) fn accepts_all(&self) -> bool {
        *self == Self::default()
    }
}

/// What a user wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) preferences: Vec<Preference>,
    pub(crate) policy: Policy,
    pub(crate) quiet_hours: Option<QuietHours>,
    pub(crate) quiet: Option<Quiet>,
}

/// One preference; what is empty stands for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preference {
    pub(crate) subtype: String,
    pub(crate) object: String,
    pub(crate) channel: String,
    pub(crate) wanted: bool,
}

/// Who decided whether a notification is wanted on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecidedBy {
    Mandatory,
    Object,
    User,
    App,
}

impl Wanted {
    /// Whether a kind is wanted on a channel, about this object. The narrowest of the user's preferences that fits decides: one for the
    /// object before one for the subtype before one for the channel. An absent one inherits: from the user's wider ones, then from the
    /// app's default for the kind.
    pub(crate) fn wants(
        &self,
        (subtype, kind): (&str, Option<&Kind>),
        object: Option<&str>,
        channel: &str,
    ) -> (bool, DecidedBy) {
        if kind.is_some_and(|kind| kind.mandatory) {
            return (true, DecidedBy::Mandatory);
        }
        let fits = |set: &str, value: &str| set.is_empty() || set == value;
        let fitting = self.preferences.iter().filter(|preference| {
            fits(&preference.subtype, subtype)
                && fits(&preference.channel, channel)
                && (preference.object.is_empty() || Some(&*preference.object) == object)
        });
        let narrow = |preference: &&Preference| {
            (!preference.object.is_empty(), !preference.subtype.is_empty(), !preference.channel.is_empty())
        };
        match fitting.max_by_key(narrow) {
            Some(preference) if preference.object.is_empty() => (preference.wanted, DecidedBy::User),
            Some(preference) => (preference.wanted, DecidedBy::Object),
            None => {
                let default =
                    kind.map_or(channel == crate::IN_APP, |kind| kind.channels.iter().any(|one| one == channel));
                (default, DecidedBy::App)
            }
        }
    }
}

/// Users whose wishes are remembered. With one more all are forgotten, and read again as they are needed.
const REMEMBERED: usize = 50_000;

const POISONED: &str = "nothing panics while it holds this lock";

/// What users want, remembered until they change it.
#[derive(Default)]
pub(crate) struct Wants {
    known: Mutex<HashMap<UserId, Arc<Wanted>>>,
    /// Counts the changes: what was read while one came is not remembered.
    changes: AtomicU64,
}

impl Wants {
    /// What a user wants changes now, or just has.
    pub(crate) fn forget(&self, user: UserId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.lock().expect(POISONED).remove(&user);
    }

    /// What a user wants.
    pub(crate) async fn of(&self, shared: &Shared, user: UserId) -> Result<Arc<Wanted>, Reject> {
        if let Some(known) = self.known.lock().expect(POISONED).get(&user) {
            return Ok(known.clone());
        }
        let before = self.changes.load(Ordering::SeqCst);
        let wanted = Arc::new(read(shared, user).await?);
        let mut known = self.known.lock().expect(POISONED);
        if self.changes.load(Ordering::SeqCst) == before {
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(user, wanted.clone());
        }
        Ok(wanted)
    }

    /// What each of these users wants. Most want nothing of their own: who does is asked of many at once.
    pub(crate) async fn of_many(
        &self,
        shared: &Shared,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Arc<Wanted>>, Reject> {
        let mut found = HashMap::with_capacity(users.len());
        let mut unknown = Vec::new();
        {
            let known = self.known.lock().expect(POISONED);
            for user in users {
                match known.get(user) {
                    Some(wanted) => drop(found.insert(*user, wanted.clone())),
                    None => unknown.push(*user),
                }
            }
        }
        let nothing = Arc::new(Wanted::default());
        for asked in unknown.chunks(sql::WANTS_ASKED) {
            let last = asked.last().copied();
            let values =
                (0..sql::WANTS_ASKED).filter_map(|at| asked.get(at).copied().or(last)).map(Into::into).collect();
            let rows = shared.query(sql::WANTS_ANYTHING, values).await?;
            found.extend(asked.iter().map(|user| (*user, nothing.clone())));
            for user in rows.iter().filter_map(|row| row.first().and_then(|value| value.id())) {
                let user = UserId(user);
                found.insert(user, self.of(shared, user).await?);
            }
        }
        Ok(found)
    }
}

async fn read(shared: &Shared, user: UserId) -> Result<Wanted, Reject> {
    let mut wanted = Wanted::default();
    for row in shared.query(sql::PREFERENCES, vec![user.into()]).await? {
        let text = |at: usize| row.get(at).and_then(|value| value.text()).unwrap_or_default().to_owned();
        let on = row.get(3).and_then(|value| value.int()) == Some(1);
        wanted.preferences.push(Preference { subtype: text(0), object: text(1), channel: text(2), wanted: on });
    }
    let rows = shared.query(sql::POLICY, vec![user.into()]).await?;
    let column = |at: usize| rows.first().and_then(|row| row.get(at)).and_then(|value| value.text());
    wanted.policy = column(0).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    wanted.quiet_hours = column(1).and_then(|text| serde_json::from_str(text).ok());
    // A zone that was known when it was written and is none any more holds nothing back.
    wanted.quiet = wanted.quiet_hours.as_ref().and_then(|hours| hours.read().ok());
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preference(subtype: &str, object: &str, channel: &str, wanted: bool) -> Preference {
        let owned = str::to_owned;
        Preference { subtype: owned(subtype), object: owned(object), channel: owned(channel), wanted }
    }

    #[test]
    fn the_narrowest_preference_decides_and_an_absent_one_inherits() {
        let kind = Kind::new("post_like", "Likes");
        let mandatory = Kind::new("security", "Sign-ins").mandatory();
        let mut wanted = Wanted::default();
        let ask = |wanted: &Wanted, channel| wanted.wants(("post_like", Some(&kind)), Some("post:9"), channel);
        assert_eq!(ask(&wanted, "in_app"), (true, DecidedBy::App));
        assert_eq!(ask(&wanted, "web_push"), (false, DecidedBy::App));
        wanted.preferences.push(preference("", "", "", false));
        assert_eq!(ask(&wanted, "in_app"), (false, DecidedBy::User));
        wanted.preferences.push(preference("", "", "in_app", true));
        assert_eq!(ask(&wanted, "in_app"), (true, DecidedBy::User));
        wanted.preferences.push(preference("post_like", "", "", false));
        assert_eq!(ask(&wanted, "in_app"), (false, DecidedBy::User));
        wanted.preferences.push(preference("", "post:9", "", true));
        assert_eq!(ask(&wanted, "in_app"), (true, DecidedBy::Object));
        assert_eq!(wanted.wants(("post_like", Some(&kind)), Some("post:8"), "in_app"), (false, DecidedBy::User));
        assert_eq!(wanted.wants(("security", Some(&mandatory)), None, "in_app"), (true, DecidedBy::Mandatory));
    }
}
