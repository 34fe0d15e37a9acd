//! `group`: from a member to a group.
//!
//! ```
//! # use tidings_chat::Group;
//! let group: Group = serde_json::from_str(r#"{"group_id":5,"content":"hi"}"#)?;
//! # Ok::<(), serde_json::Error>(())
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, FreeObject, GroupId, Keep, Limit, Me, Message, Sender, Seq, Text};

/// A message to the members of a group, heard on every connection but the sending one; kept for ever in `group:<id>`. From a
/// user who is no member it is refused with `not_a_member`, whether the group exists or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// To which group.
    pub group_id: GroupId,
    /// The text, bounded by the frame.
    pub content: Text,
    /// Free JSON of the app, at most 8 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<FreeObject>,
    /// The seq of the message in this conversation that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
}

impl Message for Group {
    const TYPE: &'static str = "group";
    const KEEP: Keep = Keep::Forever;
    const STREAM: bool = true;
    const LIMIT: Limit = Limit::per_minute(120);

    fn audience(&self, _: &Sender) -> Audience {
        Audience::group(self.group_id).me(Me::OtherConnections)
    }
}

#[cfg(test)]
mod tests {
    use tidings_wire::UserId;

    use super::*;

    #[test]
    fn it_reaches_the_members_and_the_senders_other_connections() {
        let group: Group = serde_json::from_str(r#"{"group_id":5,"content":"hi"}"#).unwrap();
        let audience = group.audience(&Sender::user_only(UserId::new(7)));
        assert_eq!(audience, Audience::group(GroupId::new(5)).me(Me::OtherConnections));
    }
}
