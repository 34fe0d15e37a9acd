//! Which sets are kept in memory, and where they are read.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use hashbrown::HashMap;
use tidings_wire::{GroupId, Related, Set, UserId};

use crate::ports::{BoxFuture, GROUPS_MAX_AGE, Groups, Relation, StoreError};

/// A set of users that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    /// The members of a group.
    Group(GroupId),
    /// Those who stand in a relation to something.
    Of(Related),
}

impl From<GroupId> for Named {
    fn from(group: GroupId) -> Self {
        Self::Group(group)
    }
}

impl Named {
    /// The name of an audience's set; none where it has to be read nowhere.
    pub(crate) fn of(set: &Set) -> Option<Self> {
        match set {
            Set::Group(group) => Some(Self::Group(*group)),
            Set::Of(related) => Some(Self::Of(**related)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group(group) => write!(f, "group {group}"),
            Self::Of(Related { relation, to }) => write!(f, "{relation} of {to}"),
        }
    }
}

/// Where sets are read.
pub(crate) struct Sources {
    groups: Arc<dyn Groups>,
    /// How old a view of them may be, as they said at the start; none where they are the store's own.
    groups_age: Option<Duration>,
    relations: HashMap<&'static str, Source>,
}

/// A relation, and what it said at the start of how old a view may be: it is not asked while a lock is held.
struct Source {
    port: Arc<dyn Relation>,
    max_age: Option<Duration>,
}

impl Sources {
    pub(crate) fn new(
        groups: Arc<dyn Groups>,
        relations: impl IntoIterator<Item = (&'static str, Arc<dyn Relation>)>,
    ) -> Self {
        let source = |(name, port): (_, Arc<dyn Relation>)| (name, Source { max_age: port.max_age(), port });
        let groups_age = (!groups.own()).then(|| groups.max_age().min(GROUPS_MAX_AGE));
        Self { groups_age, groups, relations: relations.into_iter().map(source).collect() }
    }

    /// Whether the groups are the store's own.
    pub(super) fn own_groups(&self) -> bool {
        self.groups_age.is_none()
    }

    /// The relation's name for good, where a pack brought it.
    pub(super) fn relation(&self, name: &str) -> Option<&'static str> {
        self.relations.get_key_value(name).map(|(name, _)| *name)
    }

    /// How old a view of the set may be; none where every change of it is told.
    pub(super) fn max_age(&self, of: &Named) -> Option<Duration> {
        match of {
            Named::Group(_) => self.groups_age,
            Named::Of(related) => self.relations.get(related.relation).and_then(|source| source.max_age),
        }
    }

    /// How many of the set are read at a time: of a relation as many rows as one question of a pack may have.
    pub(super) fn page_size(of: &Named) -> u32 {
        match of {
            Named::Group(_) => 10_000,
            Named::Of(_) => 1_000,
        }
    }

    /// A page of the set, ascending. A relation that nobody brought is empty: whoever sends is told before.
    pub(super) fn page(
        &self,
        of: &Named,
        after: Option<UserId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        match of {
            Named::Group(group) => self.groups.members(*group, after, limit),
            Named::Of(Related { relation, to }) => match self.relations.get(relation) {
                Some(source) => source.port.members(*to, after, limit),
                None => std::future::ready(Ok(Vec::new())).boxed(),
            },
        }
    }
}
