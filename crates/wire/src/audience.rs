//! Who should hear a message, said symbolically; the engine turns it into connections by set operations.

use std::{fmt, str::FromStr, sync::Arc};

use smallvec::{SmallVec, smallvec};

use crate::{GroupId, Id, UserId};

/// The relation of those who follow a user and were accepted; see [`Audience::followers_of`].
pub const FOLLOWERS: &str = "followers";

/// The relation of those whom a user has blocked. Where a pack brings it the engine keeps the two apart: `ports::Relation` there says how.
pub const BLOCKED: &str = "blocked";

/// Sets of people, less some, and what the sender's own connections get.
///
/// ```
/// use tidings_wire::{Audience, GroupId, Me, UserId};
///
/// let members = Audience::group(GroupId::new(5)).less_user(UserId::new(3)).me(Me::OtherConnections);
/// assert_eq!(members.to.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// All that any of these names.
    pub to: SmallVec<[Set; 2]>,
    /// Of those, only who stands in each of these too; all where there is none. Not for kept messages, as `less`.
    pub only: Vec<Set>,
    /// Taken away again. Of a kept message nothing can be taken away: every seq of a stream reaches every reader.
    pub less: SmallVec<[Set; 1]>,
    /// What the sender's own connections get, whether the sets name the sender or not. Of a kept message it is always
    /// [`Me::OtherConnections`].
    pub me: Me,
}

/// People, by name or by what they have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Set {
    /// One user, on every connection.
    User(UserId),
    /// Some users: at most 10,000.
    Users(Arc<[UserId]>),
    /// The members of a group.
    Group(GroupId),
    /// The connections that watch a topic.
    Topic(Topic),
    /// Every connection.
    Everyone,
    /// Those who stand in a relation to a user or a thing: the followers of a user. Packs bring relations and their names; one that
    /// nobody brought is refused with `not_enabled`.
    Of(Box<Related>),
}

/// Those who stand in a relation to a user or a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Related {
    /// The relation's name.
    pub relation: &'static str,
    /// To whom or what.
    pub to: Id,
}

impl Set {
    /// Those who stand in this relation to a user or a thing.
    pub fn of(relation: &'static str, to: impl Into<Id>) -> Self {
        Self::Of(Box::new(Related { relation, to: to.into() }))
    }
}

/// What the sender's own connections get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Me {
    /// Nothing, even where the sets name the sender.
    #[default]
    Nothing,
    /// All but the connection that sent it (over HTTP: all).
    OtherConnections,
    /// All of them.
    EveryConnection,
}

impl Audience {
    /// One user.
    pub fn user(user: UserId) -> Self {
        Self::of(Set::User(user))
    }

    /// Some users: at most 10,000, more are refused.
    pub fn users(users: impl Into<Arc<[UserId]>>) -> Self {
        Self::of(Set::Users(users.into()))
    }

    /// The members of a group. From a user it is refused with `not_a_member` unless they are one.
    pub fn group(group: GroupId) -> Self {
        Self::of(Set::Group(group))
    }

    /// Those who follow a user and were accepted.
    pub fn followers_of(user: UserId) -> Self {
        Self::of(Set::of(FOLLOWERS, user))
    }

    /// The connections that watch a topic.
    pub fn topic(topic: Topic) -> Self {
        Self::of(Set::Topic(topic))
    }

    /// Every connection but the sender's.
    pub fn everyone() -> Self {
        Self::of(Set::Everyone)
    }

    /// Nobody but, by [`Audience::me`], the sender.
    pub fn nobody() -> Self {
        Self { to: smallvec![], only: Vec::new(), less: smallvec![], me: Me::Nothing }
    }

    fn of(set: Set) -> Self {
        Self { to: smallvec![set], only: Vec::new(), less: smallvec![], me: Me::Nothing }
    }

    /// Those of the set too.
    #[must_use]
    pub fn and(mut self, set: Set) -> Self {
        self.to.push(set);
        self
    }

    /// Of those only who stands in the set too: mutual followers of the sender, for instance. Watchers of a topic are left out, unless
    /// other sets name them: who they are, the audience does not know.
    #[must_use]
    pub fn only(mut self, set: Set) -> Self {
        self.only.push(set);
        self
    }

    /// Without those of the set.
    #[must_use]
    pub fn less(mut self, set: Set) -> Self {
        self.less.push(set);
        self
    }

    /// Without one user.
    #[must_use]
    pub fn less_user(self, user: UserId) -> Self {
        self.less(Set::User(user))
    }

    /// What the sender's own connections get.
    #[must_use]
    pub fn me(mut self, me: Me) -> Self {
        self.me = me;
        self
    }
}

/// The name of something that connections watch, like `post:9` or `score:4`: 1 to 128 bytes of printable ASCII without
/// spaces.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

/// The text is no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a topic has 1 to 128 printable ASCII characters and no spaces")]
pub struct TopicError;

impl Topic {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into())).ok_or(TopicError)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Topic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Topic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Topic {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Topic".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[!-~]{1,128}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_short_and_printable() {
        assert_eq!("post:9".parse::<Topic>().unwrap().as_str(), "post:9");
        for bad in ["", "a b", "tab\t", "ü", &"x".repeat(129)] {
            assert_eq!(bad.parse::<Topic>(), Err(TopicError), "{bad:?}");
        }
    }
}
