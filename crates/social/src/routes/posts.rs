//! `/v1/posts` and `/v1/feed`.

use serde::{Deserialize, Serialize};
use tidings_server::{
    Deed, IdempotencyKey, JsonBody, Params, Problem, Segments, Tidings,
    act::{Otherwise, Row, Value, Write},
    auth::Caller,
    axum::{Extension, Json, extract::State, http::StatusCode},
    parse_id,
    ports::Scope,
    schema::{Id, Refused, RefusedChange, RefusedRead, RefusedSend},
    utoipa::{self, IntoParams, ToSchema},
};
use tidings_wire::{Code, PostId, Reject, UserId};

use super::asked::{By, Parts, gone, key_reused, limit, named, page};
use crate::{
    Acts,
    act::counters,
    shared::{Shared, no_such_post},
    sql::{self, SOME},
};

/// Characters of a post. More are refused with `bad_field`.
const CONTENT: usize = 10_000;

/// What to post.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewPost {
    /// 1 to 10,000 characters, not only blanks.
    content: String,
}

/// A post.
#[derive(Serialize, ToSchema)]
#[schema(as = Post)]
pub(crate) struct ShownPost {
    #[schema(value_type = Id)]
    id: PostId,
    /// Its owner.
    #[schema(value_type = Id)]
    user_id: UserId,
    /// Absent where the app keeps posts and says nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// When it was posted, Unix seconds; absent where the app keeps posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    /// Absent where the app keeps acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    likes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<i64>,
}

impl ShownPost {
    fn new(id: PostId, user_id: UserId, content: Option<String>, timestamp: Option<i64>) -> Self {
        Self { id, user_id, content, timestamp, likes: None, comments: None, shares: None }
    }

    fn counted(mut self, counters: Option<[i64; 3]>) -> Self {
        [self.likes, self.comments, self.shares] = counters.map_or([None; 3], |counters| counters.map(Some));
        self
    }

    /// A row of the statements that list posts.
    fn of(row: &Row) -> Option<Self> {
        let (id, owner) = (PostId(row[0].id()?), UserId(row[1].id()?));
        let content = row[2].text().map(str::to_owned);
        Some(Self::new(id, owner, content, row[3].int()).counted(counters(&row[4..])))
    }
}

/// Posts something. Whoever follows finds it in their feed.
#[utoipa::path(
    post,
    path = "/posts",
    tag = "social",
    params(By, ("Idempotency-Key" = Option<String>, Header, description = "At most 64 bytes. A repeat with the same content is answered with the post that is there")),
    request_body = NewPost,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 201, body = ShownPost, description = "On disk"), Refused, RefusedSend)
)]
pub(crate) async fn create(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(new): JsonBody<NewPost>,
) -> Result<(StatusCode, Json<ShownPost>), Problem> {
    let owner = caller.acts_for(by.user, Scope::Send)?;
    shared.need_posts()?;
    if new.content.trim().is_empty() || new.content.chars().count() > CONTENT {
        return Err(Problem::field("content", format!("1 to {CONTENT} characters")));
    }
    let (id, at, key) = (tidings.new_id(), tidings.now().unix(), named(&caller, key));
    let post = Value::Int(id.get());
    let key = key.as_ref().map_or(Value::Null, |key| Value::from(key.as_str()));
    let post = PostId(post.id().expect("an id that the server makes is an integer of 63 bits"));
    let insert = [post.into(), owner.into(), Value::from(&*new.content), Value::Int(at), key.clone()];
    let deed = Deed::by(Some(owner))
        .write(Write::new(sql::POST_INSERT, insert).expect(1..=1, Otherwise::Quiet))
        .write(Write::new(sql::COUNTS_INSERT, [post.into()]));
    if !tidings.commit(deed).await?.quiet {
        let shown = ShownPost::new(post, owner, Some(new.content), Some(at)).counted(Some([0; 3]));
        return Ok((StatusCode::CREATED, Json(shown)));
    }
    let there = tidings.query(sql::POST_BY_KEY, vec![owner.into(), key]).await?;
    let there = there.first().ok_or_else(gone)?;
    if there[1].text() != Some(&new.content) {
        return Err(key_reused());
    }
    let post = PostId(there[0].id().ok_or_else(gone)?);
    let shown = ShownPost::new(post, owner, Some(new.content), there[2].int());
    Ok((StatusCode::CREATED, Json(shown.counted(counted(&shared, &tidings, post).await?))))
}

/// Shows a post.
#[utoipa::path(
    get,
    path = "/posts/{post}",
    tag = "social",
    params(("post" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = ShownPost), Refused, RefusedRead)
)]
pub(crate) async fn show(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(post): Segments<String>,
    Params(by): Params<By>,
) -> Result<Json<ShownPost>, Problem> {
    let reader = caller.acts_for(by.user, Scope::Read)?;
    let post: PostId = parse_id("post", &post)?;
    let found = shared.visible(post, reader).await?;
    let content = found.details.get("content").and_then(|content| content.as_str()).map(str::to_owned);
    let timestamp = found.details.get("timestamp").and_then(|timestamp| timestamp.as_i64());
    let shown = ShownPost::new(post, found.owner, content, timestamp);
    Ok(Json(shown.counted(counted(&shared, &tidings, post).await?)))
}

/// The counters of a post, where acts are stored. What nobody has touched has none yet.
async fn counted(shared: &Shared, tidings: &Tidings, post: PostId) -> Result<Option<[i64; 3]>, Reject> {
    if shared.acts == Acts::Announce {
        return Ok(None);
    }
    let rows = tidings.query(sql::COUNTS, vec![post.into()]).await?;
    Ok(Some(rows.first().and_then(|row| counters(row)).unwrap_or_default()))
}

/// Deletes a post of one's own, with its likes, comments and shares.
#[utoipa::path(
    delete,
    path = "/posts/{post}",
    tag = "social",
    params(("post" = Id, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "It is gone"), Refused, RefusedChange)
)]
pub(crate) async fn delete(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(post): Segments<String>,
    Params(by): Params<By>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    shared.need_posts()?;
    let post: PostId = parse_id("post", &post)?;
    if shared.visible(post, user).await?.owner != user {
        return Err(Problem::new(Code::NotAllowed, "only its owner deletes a post"));
    }
    erase_post(&tidings, user, post).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes away what others did with a post, a part at a time, so that others' commits wait no longer than for one; then the post. If
/// it breaks off, the post is still there, and a repeat goes on.
pub(crate) async fn erase_post(tidings: &Tidings, owner: UserId, post: PostId) -> Result<(), Reject> {
    const SOME_OF_IT: [&str; 3] = [sql::POST_LIKES_DELETE, sql::POST_COMMENTS_DELETE, sql::POST_SHARES_DELETE];
    for some in SOME_OF_IT {
        loop {
            let deed = Deed::by(Some(owner)).write(Write::new(some, [post.into()]).returning());
            if tidings.commit(deed).await?.rows.iter().flatten().count() < SOME {
                break;
            }
        }
    }
    // With the post goes what was done meanwhile; without it nothing more is done.
    let deed = Deed::by(Some(owner))
        .write(Write::new(sql::POST_DELETE, [post.into()]).expect(1..=1, Otherwise::Refuse(no_such_post())))
        .write(Write::new(sql::COUNTS_DELETE, [post.into()]));
    let rest = |deed: Deed, some: &'static str| deed.write(Write::new(some, [post.into()]).returning());
    tidings.commit(SOME_OF_IT.into_iter().fold(deed, rest)).await.map(drop)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PostsPage {
    /// Whose.
    #[param(value_type = Id)]
    by: UserId,
    /// Those posted before this one.
    #[param(value_type = Option<Id>)]
    before: Option<PostId>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// For whom, where a service asks.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedPage {
    /// Those posted before this one.
    #[param(value_type = Option<Id>)]
    before: Option<PostId>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// Whose, where a service asks.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// Posts, newest first; at most 96 KiB.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownPosts {
    posts: Vec<ShownPost>,
    /// Whether there are more, before the last.
    more: bool,
}

/// Lists what a user posted, newest first.
#[utoipa::path(
    get,
    path = "/posts",
    tag = "social",
    params(PostsPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = ShownPosts), Refused, RefusedRead)
)]
pub(crate) async fn list(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Params(asked): Params<PostsPage>,
) -> Result<Json<ShownPosts>, Problem> {
    let reader = caller.acts_for(asked.user, Scope::Read)?;
    shared.need_posts()?;
    let limit = limit(asked.limit)?;
    if !shared.sees(reader, asked.by).await? {
        return Err(Reject::not_found("there is no such user, or you may not see their posts").into());
    }
    read(&tidings, sql::POSTS_BY, asked.by, asked.before, limit).await
}

/// Lists one's own posts and those of whom one follows and has not muted, newest first.
#[utoipa::path(
    get,
    path = "/feed",
    tag = "social",
    params(FeedPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = ShownPosts), Refused, RefusedRead)
)]
pub(crate) async fn feed(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Params(asked): Params<FeedPage>,
) -> Result<Json<ShownPosts>, Problem> {
    let reader = caller.acts_for(asked.user, Scope::Read)?;
    shared.need_posts()?;
    shared.need_graph()?;
    read(&tidings, sql::FEED, reader, asked.before, limit(asked.limit)?).await
}

async fn read(
    tidings: &Tidings,
    sql: &'static str,
    user: UserId,
    before: Option<PostId>,
    limit: usize,
) -> Result<Json<ShownPosts>, Problem> {
    // Above every id that a post can have there is this one.
    let last = || PostId("ffffffff-ffff-ffff-ffff-ffffffffffff".parse().expect("it is a UUID"));
    let before = before.unwrap_or_else(last);
    let rows = tidings.query(sql, vec![user.into(), before.into(), Value::Int(limit as i64 + 1)]).await?;
    let (posts, more) = page(rows.iter().filter_map(ShownPost::of).collect(), limit);
    Ok(Json(ShownPosts { posts, more }))
}
