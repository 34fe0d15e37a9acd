//! What the pack has to say to inboxes: the notices that its acts carry. Whether anybody keeps notifications is not known here.

use tidings_wire::{MessageId, Notice, PostId, UserId};

use crate::{Action, act::Act};

/// Characters of a comment that its notification shows.
const EXCERPT: usize = 100;

const fn subtype(action: Action) -> &'static str {
    match action {
        Action::Like => "post_like",
        Action::Comment => "post_comment",
        Action::Share => "post_share",
    }
}

/// What is done with one post is joined, each kind by itself.
fn about(action: Action, post: PostId, owner: UserId, actor: UserId) -> Notice {
    Notice::new(subtype(action)).to(owner).by(actor).group(format!("post:{post}"))
}

/// The owner's notice of an act. `id` is a comment's.
pub(crate) fn of_act(act: &Act, id: MessageId) -> Notice {
    let Act { post, owner, actor, action, content } = act;
    let notice = about(*action, *post, *owner, *actor).with("post_id", json(post));
    let notice = match action {
        Action::Like => notice.with("liker_id", json(actor)),
        Action::Comment => notice.with("commenter_id", json(actor)).with("comment_id", json(&id)),
        Action::Share => notice.with("sharer_id", json(actor)),
    };
    match content {
        Some(content) => notice.with("content", content.chars().take(EXCERPT).collect::<String>()),
        None => notice,
    }
}

/// The act is taken back.
pub(crate) fn of_undone(action: Action, post: PostId, owner: UserId, actor: UserId) -> Notice {
    about(action, post, owner, actor).taken_back()
}

/// Somebody asks to follow.
pub(crate) fn of_request(follower: UserId, followee: UserId) -> Notice {
    let notice = Notice::new("follow_request").to(followee).by(follower).group("follow_requests");
    notice.with("follower_id", json(&follower))
}

/// Somebody follows.
pub(crate) fn of_follower(follower: UserId, followee: UserId) -> Notice {
    let notice = Notice::new("new_follower").to(followee).by(follower).group("followers");
    notice.with("follower_id", json(&follower))
}

fn json<T: serde::Serialize>(id: &T) -> serde_json::Value {
    serde_json::to_value(id).expect("ids always serialise")
}
