//! The message types of these tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, GroupId, Keep, Me, Message, Sender, Senders, UserId};

/// From a user to a user.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Poke {
    pub(crate) to: UserId,
}

impl Message for Poke {
    const TYPE: &'static str = "poke";

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

/// From a member to the others of a group.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cheer {
    pub(crate) group_id: GroupId,
}

impl Message for Cheer {
    const TYPE: &'static str = "cheer";
    const STREAM: bool = true;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group_id)
    }
}

/// From a service to everyone.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Alarm {}

impl Message for Alarm {
    const TYPE: &'static str = "alarm";
    const SENDERS: Senders = Senders::Service;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::everyone()
    }
}

/// Kept, from a user to a user.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Letter {
    pub(crate) to: UserId,
    pub(crate) content: String,
}

impl Message for Letter {
    const TYPE: &'static str = "letter";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to).me(Me::OtherConnections)
    }
}

/// Kept, from a member to a group.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Postcard {
    pub(crate) group_id: GroupId,
}

impl Message for Postcard {
    const TYPE: &'static str = "postcard";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group_id).me(Me::OtherConnections)
    }
}
