//! `/v1/posts/{post}/comments`.

use serde::{Deserialize, Serialize};
use tidings_server::{
    IdempotencyKey, JsonBody, Params, Problem, Segments, Tidings,
    act::{Row, Value},
    auth::Caller,
    axum::{Extension, Json, extract::State, http::StatusCode},
    parse_id,
    ports::Scope,
    schema::{Id, Refused, RefusedChange, RefusedRead, RefusedSend},
    utoipa::{self, IntoParams, ToSchema},
};
use tidings_wire::{Code, MessageId, PostId, UserId};

use super::{
    asked::{By, Parts, limit, page},
    saying::{Said, Saying},
};
use crate::{Action, act, sql};

/// What to say.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewComment {
    /// 1 to 2,000 characters, not only blanks.
    content: String,
}

/// A comment.
#[derive(Serialize, ToSchema)]
#[schema(as = Comment)]
pub(crate) struct ShownComment {
    /// Absent where the app keeps comments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    id: Option<MessageId>,
    #[schema(value_type = Id)]
    post_id: PostId,
    /// Who wrote it.
    #[schema(value_type = Id)]
    user_id: UserId,
    content: String,
    /// Unix seconds.
    timestamp: i64,
}

/// Comments on a post: the owner, the owner's online followers and those who watch the post are told by `post_update`.
#[utoipa::path(
    post,
    path = "/posts/{post}/comments",
    tag = "social",
    params(("post" = Id, Path), By, ("Idempotency-Key" = Option<String>, Header, description = "At most 64 bytes. A repeat with the same content is answered with the comment that is there. Where acts are not stored it is refused with `not_enabled`")),
    request_body = NewComment,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 201, body = ShownComment, description = "On disk, or told where the app keeps comments"), Refused, RefusedSend)
)]
pub(crate) async fn create(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(post): Segments<String>,
    Params(by): Params<By>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(new): JsonBody<NewComment>,
) -> Result<(StatusCode, Json<ShownComment>), Problem> {
    let said = Saying { action: Action::Comment, content: Some(new.content), by_key: sql::COMMENT_BY_KEY };
    let Said { id, timestamp, act } = said.once(&tidings, &shared, &caller, &post, by, key).await?;
    let content = act.content.unwrap_or_default();
    Ok((StatusCode::CREATED, Json(ShownComment { id, post_id: act.post, user_id: act.actor, content, timestamp })))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CommentsPage {
    /// Those before this comment; the page ends right before it.
    #[param(value_type = Option<String>)]
    before: Option<MessageId>,
    /// Those after this comment; the page begins right after it. Not together with `before`.
    #[param(value_type = Option<String>)]
    after: Option<MessageId>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// For whom, where a service asks.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// Comments, oldest first; at most 96 KiB.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownComments {
    comments: Vec<ShownComment>,
    /// Whether there are more: before the first, or with `after` behind the last.
    more: bool,
}

/// Lists a post's comments, oldest first: the latest ones, or those before or after one. Those of users who have blocked the reader, or
/// were blocked, are left out.
#[utoipa::path(
    get,
    path = "/posts/{post}/comments",
    tag = "social",
    params(("post" = Id, Path), CommentsPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = ShownComments), Refused, RefusedRead)
)]
pub(crate) async fn list(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments(post): Segments<String>,
    Params(asked): Params<CommentsPage>,
) -> Result<Json<ShownComments>, Problem> {
    let reader = caller.acts_for(asked.user, Scope::Read)?;
    shared.need_acts()?;
    let (post, limit) = (parse_id("post", &post)?, limit(asked.limit)?);
    shared.visible(post, reader).await?;
    let (sql, mut from) = match (asked.before, asked.after) {
        (Some(_), Some(_)) => return Err(Problem::field("after", "`before` or `after`, not both")),
        (_, Some(after)) => (sql::COMMENTS_AFTER, after.get()),
        (before, None) => (sql::COMMENTS_BEFORE, before.map_or(i64::MAX, MessageId::get)),
    };
    let (mut comments, more) = loop {
        let most = Value::Int(limit as i64 + 1);
        let rows = tidings.query(sql, vec![post.into(), Value::Int(from), most, reader.into()]).await?;
        let (read, more) = page(rows.iter().filter_map(|row| shown(post, row)).collect(), limit);
        let last = read.last().and_then(|comment| comment.id);
        let comments = seen_by(&shared, reader, read).await?;
        match last {
            // All of the page is by people apart from the reader: the next one may not be.
            Some(last) if comments.is_empty() && more => from = last.get(),
            _ => break (comments, more),
        }
    };
    if asked.after.is_none() {
        comments.reverse();
    }
    Ok(Json(ShownComments { comments, more }))
}

/// Those whose writers are not apart from the reader. Of the pack's own graph the statement has left them out already.
async fn seen_by(
    shared: &crate::shared::Shared,
    reader: UserId,
    comments: Vec<ShownComment>,
) -> Result<Vec<ShownComment>, tidings_wire::Reject> {
    if shared.own_graph {
        return Ok(comments);
    }
    let mut seen = Vec::with_capacity(comments.len());
    for comment in comments {
        if comment.user_id == reader || !shared.between(reader, comment.user_id).await?.is_blocked() {
            seen.push(comment);
        }
    }
    Ok(seen)
}

fn shown(post_id: PostId, row: &Row) -> Option<ShownComment> {
    Some(ShownComment {
        id: MessageId::from_stored(row[0].int()?).ok(),
        post_id,
        user_id: UserId(row[1].id()?),
        content: row[2].text()?.to_owned(),
        timestamp: row[3].int()?,
    })
}

/// Deletes a comment of one's own, or one on a post of one's own.
#[utoipa::path(
    delete,
    path = "/posts/{post}/comments/{comment}",
    tag = "social",
    params(("post" = Id, Path), ("comment" = String, Path), By),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "It is gone"), Refused, RefusedChange)
)]
pub(crate) async fn delete(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Segments((post, comment)): Segments<(String, String)>,
    Params(by): Params<By>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    shared.need_acts()?;
    let post: PostId = parse_id("post", &post)?;
    let comment: MessageId = comment.parse().map_err(|error| Problem::field("comment", format!("{error}")))?;
    let rows = tidings.query(sql::COMMENT_AUTHOR, vec![Value::Int(comment.get()), post.into()]).await?;
    let author = rows.first().and_then(|row| row[0].id()).map(UserId);
    if author != Some(user) {
        let owner = shared.visible(post, user).await?.owner;
        if author.is_none() {
            return Err(Problem::new(Code::NotFound, "there is no such comment"));
        }
        if owner != user {
            return Err(Problem::new(Code::NotAllowed, "only its writer and the post's owner delete a comment"));
        }
    }
    act::uncomment(&shared, &tidings, user, post, (comment, author)).await?;
    Ok(StatusCode::NO_CONTENT)
}
