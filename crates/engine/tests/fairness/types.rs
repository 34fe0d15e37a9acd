//! The message types of these tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_engine::registry::Registry;
use tidings_wire::{Audience, GroupId, Keep, Limit, Me, Message, Sender, Topic, UserId};

/// All of them.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::builder();
    registry.message::<Poke>();
    registry.message::<Broadcast>();
    registry.message::<Shout>();
    registry.message::<Chat>();
    registry.message::<Goal>();
    registry.build().expect("the types fit")
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Poke {
    to: UserId,
    #[serde(default)]
    note: u32,
}

impl Message for Poke {
    const TYPE: &'static str = "poke";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Broadcast {
    #[serde(default)]
    note: u32,
}

impl Message for Broadcast {
    const TYPE: &'static str = "broadcast";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::everyone().me(Me::EveryConnection)
    }
}

/// To a group, and not kept.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Shout {
    group: GroupId,
    #[serde(default)]
    note: u32,
}

impl Message for Shout {
    const TYPE: &'static str = "shout";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group)
    }
}

/// To a group, and kept in its conversation.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Chat {
    group: GroupId,
    note: u32,
}

impl Message for Chat {
    const TYPE: &'static str = "chat";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group).me(Me::OtherConnections)
    }
}

/// To the watchers of `score:4`.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Goal {
    note: u32,
}

impl Message for Goal {
    const TYPE: &'static str = "goal";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::topic(topic())
    }
}

/// What goals are told to.
pub(crate) fn topic() -> Topic {
    "score:4".parse().expect("a topic")
}
