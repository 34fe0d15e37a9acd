//! Message types for these tests: the guide's three, and some that say for themselves who hears them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_testkit::WorldBuilder;
use tidings_wire::{Audience, GroupId, Keep, Limit, Me, Message, Sender, Set, Topic, UserId};

/// As the guide's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Private {
    pub(crate) to: UserId,
    pub(crate) content: String,
}

impl Message for Private {
    const TYPE: &'static str = "private";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to).me(Me::OtherConnections)
    }
}

/// As the guide's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Group {
    pub(crate) group_id: GroupId,
    pub(crate) content: String,
}

impl Message for Group {
    const TYPE: &'static str = "group";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group_id).me(Me::OtherConnections)
    }
}

/// As the guide's, for users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Broadcast {
    pub(crate) content: String,
}

impl Message for Broadcast {
    const TYPE: &'static str = "broadcast";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::everyone().me(Me::EveryConnection)
    }
}

/// Not kept, to one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Poke {
    pub(crate) to: UserId,
    #[serde(default)]
    pub(crate) note: String,
}

impl Message for Poke {
    const TYPE: &'static str = "poke";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

/// Not kept, to whomever it says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Shout {
    pub(crate) users: Vec<UserId>,
    pub(crate) groups: Vec<GroupId>,
    pub(crate) topics: Vec<Topic>,
    pub(crate) everyone: bool,
    pub(crate) less: Vec<UserId>,
    pub(crate) less_groups: Vec<GroupId>,
    pub(crate) me: Mine,
    pub(crate) word: String,
}

/// [`Me`], for the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Mine {
    #[default]
    Nothing,
    Other,
    Every,
}

impl Message for Shout {
    const TYPE: &'static str = "shout";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        let mut audience = Audience::nobody().me(match self.me {
            Mine::Nothing => Me::Nothing,
            Mine::Other => Me::OtherConnections,
            Mine::Every => Me::EveryConnection,
        });
        match &self.users[..] {
            [] => {}
            [one] => audience = audience.and(Set::User(*one)),
            some => audience = audience.and(Set::Users(some.into())),
        }
        audience.to.extend(self.groups.iter().map(|&group| Set::Group(group)));
        audience.to.extend(self.topics.iter().cloned().map(Set::Topic));
        audience.to.extend(self.everyone.then_some(Set::Everyone));
        audience.less.extend(self.less.iter().map(|&user| Set::User(user)));
        audience.less.extend(self.less_groups.iter().map(|&group| Set::Group(group)));
        audience
    }
}

/// All of them, accepted as they are.
pub(crate) fn world() -> WorldBuilder {
    tidings_testkit::world()
        .message::<Private>()
        .message::<Group>()
        .message::<Broadcast>()
        .message::<Poke>()
        .message::<Shout>()
}

pub(crate) fn user(id: u32) -> UserId {
    UserId::new(id)
}

/// A group message to group 5.
pub(crate) fn to_group(content: impl Into<String>) -> Group {
    Group { group_id: GROUP, content: content.into() }
}

pub(crate) const GROUP: GroupId = GroupId::new(5);

pub(crate) fn private(to: UserId, content: impl Into<String>) -> Private {
    Private { to, content: content.into() }
}

pub(crate) fn broadcast(content: impl Into<String>) -> Broadcast {
    Broadcast { content: content.into() }
}

pub(crate) fn poke(to: UserId) -> Poke {
    Poke { to, note: String::new() }
}
