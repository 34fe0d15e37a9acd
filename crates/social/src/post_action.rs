//! `post_action`: one user likes, comments on or shares a post, over the socket.
//!
//! ```
//! # use tidings_social::{Action, PostAction};
//! let like: PostAction = serde_json::from_str(r#"{"post_id":9,"action":"like"}"#)?;
//! assert_eq!(like.action, Action::Like);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_server::{Accepted, Context, Handle};
use tidings_wire::{Audience, Limit, Message, PostId, Reject, Sender, Text};

use crate::{act::Act, notices, shared::Shared};

/// What a user does with a post. It reaches the post's owner and the owner's online accepted followers; the actor gets the
/// acknowledgement only. Liking twice changes nothing and tells nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostAction {
    /// Which post.
    pub post_id: PostId,
    /// What is done.
    pub action: Action,
    /// The comment, or what is said with a share: at most 2,000 characters. Of a like it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Text>,
}

/// What is done with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Action {
    /// Liked.
    Like,
    /// Commented on, with `content`.
    Comment,
    /// Shared.
    Share,
}

impl Message for PostAction {
    const TYPE: &'static str = "post_action";
    const LIMIT: Limit = Limit::per_minute(120);

    /// Nobody: who hears it is known once the post was looked up.
    fn audience(&self, _: &Sender) -> Audience {
        Audience::nobody()
    }
}

/// Takes what users do.
pub(crate) struct Taking(pub(crate) Arc<Shared>);

impl Handle<PostAction> for Taking {
    async fn accept(&self, message: PostAction, cx: Context) -> Result<Accepted<PostAction>, Reject> {
        let Some(actor) = cx.sender().user else {
            return Err(Reject::field("from", "a service says who acts: `from`"));
        };
        let PostAction { post_id, action, content } = message;
        let content = content.map(|content| content.to_str().into_owned());
        let act = Act::check(&self.0, actor, post_id, action, content).await?;
        let message = PostAction { post_id, action, content: act.content.as_deref().map(Text::from) };
        let id = cx.new_id();
        let accepted = Accepted::new(message).to(act.heard_by(&self.0)).notice(notices::of_act(&act, id));
        let writes = act.write(&self.0, id, cx.now(), None);
        if writes.is_empty() {
            return Ok(accepted);
        }
        let tells = act.tells(self.0.clone(), id, false);
        Ok(writes.into_iter().fold(accepted, Accepted::write).project(tells))
    }
}
