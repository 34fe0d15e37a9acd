//! `post_update`: something was done with a post over HTTP.
//!
//! ```
//! # use tidings_social::{PostUpdate, Subtype};
//! let update: PostUpdate = serde_json::from_str(r#"{"subtype":"post_like","post_id":9,"liker_id":7}"#)?;
//! assert_eq!(update.subtype, Subtype::PostLike);
//! # Ok::<(), serde_json::Error>(())
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, Message, MessageId, PostId, Sender, Senders, Text, UserId};

use crate::{Action, post_counters::topic};

/// What was done with a post, for its owner, the owner's online accepted followers and, of a comment, those who watch the post.
/// Sent by a service it reaches those who watch the post, unless the call names another audience.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostUpdate {
    /// What was done.
    pub subtype: Subtype,
    /// With which post.
    pub post_id: PostId,
    /// Who liked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liker_id: Option<UserId>,
    /// Who commented on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commenter_id: Option<UserId>,
    /// Who shared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharer_id: Option<UserId>,
    /// The comment's id, where it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_id: Option<MessageId>,
    /// The comment, or what was said with the share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Text>,
}

/// What was done with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Subtype {
    /// Liked.
    PostLike,
    /// Commented on.
    PostComment,
    /// Shared.
    PostShare,
}

impl PostUpdate {
    /// An act as an update.
    pub(crate) fn new(action: Action, post_id: PostId, actor: UserId, content: Option<&str>) -> Self {
        let (subtype, [liker_id, commenter_id, sharer_id]) = match action {
            Action::Like => (Subtype::PostLike, [Some(actor), None, None]),
            Action::Comment => (Subtype::PostComment, [None, Some(actor), None]),
            Action::Share => (Subtype::PostShare, [None, None, Some(actor)]),
        };
        let content = content.map(Text::from);
        Self { subtype, post_id, liker_id, commenter_id, sharer_id, comment_id: None, content }
    }
}

impl Message for PostUpdate {
    const TYPE: &'static str = "post_update";
    const SENDERS: Senders = Senders::Service;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::topic(topic(self.post_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_like_names_the_liker_as_the_guide_does() {
        let like = PostUpdate::new(Action::Like, PostId::new(9), UserId::new(7), None);
        assert_eq!(serde_json::to_string(&like).unwrap(), r#"{"subtype":"post_like","post_id":9,"liker_id":7}"#);
    }
}
