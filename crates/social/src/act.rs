//! One act of one user on one post, whichever way it came: checked, written, told.

use std::sync::Arc;

use tidings_server::{
    Deed, Tidings,
    act::{Otherwise, Row, Value, Write},
    clock::Now,
    publish::{Consequences, Publish},
};
use tidings_wire::{Audience, Code, FOLLOWERS, Key, MessageId, PostId, Reject, Sender, Set, UserId};

use crate::{
    Action, Acts, PostUpdate, notices,
    post_counters::topic,
    relations::APART,
    shared::{Shared, no_such_post, refusal},
    sql,
};

/// Characters of a comment, and of what is said with a share. More are refused with `bad_field`.
const CONTENT: usize = 2_000;

/// An act that may be done.
pub(crate) struct Act {
    pub(crate) post: PostId,
    pub(crate) owner: UserId,
    pub(crate) actor: UserId,
    pub(crate) action: Action,
    pub(crate) content: Option<String>,
}

impl Act {
    /// Looks up the post, and whether the actor may do this.
    ///
    /// # Errors
    /// `bad_field` for a comment without content, and for too much of it; `not_found` for a post that is not there for the actor.
    pub(crate) async fn check(
        shared: &Shared,
        actor: UserId,
        post: PostId,
        action: Action,
        content: Option<String>,
    ) -> Result<Self, Reject> {
        let content = content.filter(|content| action != Action::Like && !content.trim().is_empty());
        if action == Action::Comment && content.is_none() {
            return Err(Reject::field("content", "a comment says something"));
        }
        if content.as_ref().is_some_and(|content| content.chars().count() > CONTENT) {
            return Err(Reject::field("content", format!("at most {CONTENT} characters")));
        }
        let owner = shared.visible(post, actor).await?.owner;
        Ok(Self { post, owner, actor, action, content })
    }

    /// The owner and their followers, without the actor and whoever is apart from them; of a comment that is stored nowhere those
    /// who watch the post too.
    pub(crate) fn heard_by(&self, shared: &Shared) -> Audience {
        let followers = Audience::user(self.owner).and(Set::of(FOLLOWERS, self.owner));
        let heard = match (shared.acts, self.action) {
            (Acts::Announce, Action::Comment) => followers.and(Set::Topic(topic(self.post))),
            _ => followers,
        };
        heard.less(Set::of(APART, self.actor))
    }

    /// What is written; nothing where acts are stored elsewhere. What is stored already ends it quietly.
    pub(crate) fn write(&self, shared: &Shared, id: MessageId, now: Now, key: Option<&Key>) -> Vec<Write> {
        if shared.acts == Acts::Announce {
            return Vec::new();
        }
        let (id, at) = (Value::Int(id.get()), Value::Int(now.unix()));
        let (post, actor) = (Value::from(self.post), Value::from(self.actor));
        let content = self.content.as_deref().map_or(Value::Null, Value::from);
        let key = key.map_or(Value::Null, |key| key.as_str().into());
        let act = match self.action {
            Action::Like => Write::new(sql::LIKE_INSERT, [post, actor, id, at]),
            Action::Comment => Write::new(sql::COMMENT_INSERT, [id, post, actor, content, at, key]),
            Action::Share => Write::new(sql::SHARE_INSERT, [id, post, actor, content, at, key]),
        };
        vec![act.expect(1..=1, Otherwise::Quiet), count(shared, self.post, self.action, 1)]
    }

    /// What follows once it is on disk: the counters, and the update for those who are to hear it. `id` is that of a comment; with
    /// `to_followers` for the owner and the followers too, who else have heard of it already.
    pub(crate) fn tells(
        &self,
        shared: Arc<Shared>,
        id: MessageId,
        to_followers: bool,
    ) -> impl FnOnce(&[Vec<Row>]) -> Consequences + Send + use<> {
        let (post, actor) = (self.post, self.actor);
        let told = self.update(&shared, id, to_followers);
        move |rows| {
            tell_counters(&shared, post, rows);
            let consequences = Consequences::default();
            let Some((update, audience)) = told else { return consequences };
            match Publish::new(&update, &Sender::user_only(actor)) {
                Ok(update) => consequences.publish(update.to(audience)),
                Err(_) => consequences,
            }
        }
    }

    /// Does it for a caller of the HTTP API, and waits for the commit. `quiet` where it was done before.
    pub(crate) async fn commit(
        &self,
        shared: &Arc<Shared>,
        tidings: &Tidings,
        id: MessageId,
        key: Option<&Key>,
    ) -> Result<bool, Reject> {
        if shared.acts == Acts::Announce {
            let update = PostUpdate::new(self.action, self.post, self.actor, self.content.as_deref());
            tidings.publish(&update, Some(self.actor), self.heard_by(shared)).await?;
            self.note(tidings, id).await?;
            return Ok(false);
        }
        let deed = self.write(shared, id, tidings.now(), key).into_iter().fold(Deed::by(Some(self.actor)), Deed::write);
        let deed = deed.reach(Set::of(FOLLOWERS, self.owner)).reach(Set::of(APART, self.actor));
        let deed = deed.notice(notices::of_act(self, id));
        Ok(tidings.commit(deed.project(self.tells(shared.clone(), id, true))).await?.quiet)
    }

    /// The owner's notice of an act that is stored elsewhere.
    async fn note(&self, tidings: &Tidings, id: MessageId) -> Result<(), Reject> {
        match tidings.commit(Deed::by(Some(self.actor)).notice(notices::of_act(self, id))).await {
            // A deployment that keeps nothing keeps no notifications.
            Err(reject) if reject.code == Code::NotEnabled => Ok(()),
            committed => committed.map(drop),
        }
    }

    fn update(&self, shared: &Shared, id: MessageId, to_followers: bool) -> Option<(PostUpdate, Audience)> {
        let watched = self.action == Action::Comment;
        let mut update = PostUpdate::new(self.action, self.post, self.actor, self.content.as_deref());
        update.comment_id = watched.then_some(id);
        let watchers = || Audience::topic(topic(self.post));
        let audience = match (to_followers, watched) {
            (true, true) => self.heard_by(shared).and(Set::Topic(topic(self.post))),
            (true, false) => self.heard_by(shared),
            (false, true) => {
                watchers().less_user(self.owner).less(Set::of(FOLLOWERS, self.owner)).less(Set::of(APART, self.actor))
            }
            (false, false) => return None,
        };
        Some((update, audience))
    }
}

/// Takes a like back, and waits for the commit. Where there is none nothing changes.
pub(crate) async fn unlike(shared: &Arc<Shared>, tidings: &Tidings, user: UserId, post: PostId) -> Result<(), Reject> {
    let delete = Write::new(sql::LIKE_DELETE, [post.into(), user.into()]).expect(1..=1, Otherwise::Quiet);
    take_back(shared, tidings, user, (post, user), Action::Like, delete).await
}

/// Takes a comment back, and waits for the commit. Where there is none nothing changes.
pub(crate) async fn uncomment(
    shared: &Arc<Shared>,
    tidings: &Tidings,
    user: UserId,
    post: PostId,
    (comment, author): (MessageId, Option<UserId>),
) -> Result<(), Reject> {
    let delete = Write::new(sql::COMMENT_DELETE, [Value::Int(comment.get()), post.into()]);
    let whose = author.unwrap_or(user);
    take_back(shared, tidings, user, (post, whose), Action::Comment, delete.expect(1..=1, Otherwise::Quiet)).await
}

async fn take_back(
    shared: &Arc<Shared>,
    tidings: &Tidings,
    user: UserId,
    (post, actor): (PostId, UserId),
    action: Action,
    delete: Write,
) -> Result<(), Reject> {
    let told = shared.clone();
    let mut deed = Deed::by(Some(user)).write(delete).write(count(shared, post, action, -1));
    if let Some(found) = shared.posts.post(post).await.map_err(refusal)? {
        deed = deed.notice(notices::of_undone(action, post, found.owner, actor));
    }
    let deed = deed.project(move |rows: &[Vec<Row>]| {
        tell_counters(&told, post, rows);
        Consequences::default()
    });
    tidings.commit(deed).await.map(drop)
}

/// What [`count`], the last of an act's statements, returned goes to those who watch the post.
fn tell_counters(shared: &Shared, post: PostId, rows: &[Vec<Row>]) {
    if let Some(counters) = rows.last().and_then(|rows| rows.first()).and_then(|row| counters(row)) {
        shared.joiner.tell(post, counters);
    }
}

/// One more, or one less, of a post's counters. One of the pack's own posts that went meanwhile undoes the act.
fn count(shared: &Shared, post: PostId, action: Action, more: i64) -> Write {
    let of = |counted| Value::Int(if counted == action { more } else { 0 });
    let values = [post.into(), of(Action::Like), of(Action::Comment), of(Action::Share)];
    let sql = if shared.own_posts { sql::COUNT_OWN } else { sql::COUNT_OTHERS };
    Write::new(sql, values).expect(1..=1, Otherwise::Refuse(no_such_post())).returning()
}

/// The likes, comments and shares of a row that has nothing else.
pub(crate) fn counters(row: &[Value]) -> Option<[i64; 3]> {
    match row {
        [likes, comments, shares] => Some([likes.int()?, comments.int()?, shares.int()?]),
        _ => None,
    }
}
