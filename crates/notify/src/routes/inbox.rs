//! `GET /v1/inbox` and `POST /v1/inbox/mark`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_server::{
    JsonBody, Params, Problem,
    auth::Caller,
    axum::{Extension, Json, http::StatusCode},
    ports::{InboxMarked, InboxPageAsked, Scope},
    schema::{Id, Refused, RefusedBody, RefusedOff},
    utoipa::{self, IntoParams, ToSchema},
};
use tidings_wire::{MessageId, Seq, UserId, server_frames::InboxPage};

use super::all::{By, Parts};
use crate::inbox;

/// Which page of the inbox.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// For whom, where a service calls.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
    /// Rows whose last change is below this.
    before: Option<Seq>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// `unread`, `archived`, `requests`; absent: all that is not archived.
    filter: Option<String>,
}

/// A page, the latest change first.
#[derive(Serialize, ToSchema)]
#[schema(as = Inbox)]
pub(crate) struct Page {
    #[schema(value_type = Vec<Row>)]
    notifications: Vec<tidings_wire::server_frames::Notification>,
    /// Rows that were not read.
    unread: u64,
    /// Rows that were not seen.
    unseen: u64,
    /// Whether there are more, below the last one's `seq`.
    more: bool,
}

/// A row of the inbox, as the frame `notification` has it.
#[derive(ToSchema)]
#[schema(as = Notification)]
#[expect(dead_code, reason = "stands in the document only: the frame is what is sent")]
pub(crate) struct Row {
    /// The row's last change in the inbox's count of changes.
    seq: u64,
    #[schema(value_type = String)]
    id: MessageId,
    #[schema(example = "post_like")]
    subtype: String,
    /// In the reader's language.
    #[schema(example = "Ann and 12 others liked your post")]
    message: String,
    #[schema(value_type = Option<Id>)]
    actor: Option<UserId>,
    /// The last ten, the latest first.
    #[schema(value_type = Option<Vec<Id>>)]
    actors: Option<Vec<UserId>>,
    /// How many different users did it.
    count: u64,
    /// How often it was done.
    events: u64,
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    /// What was joined into it.
    group: Option<String>,
    /// Unix seconds.
    timestamp: i64,
    /// `unseen`, `seen`, `read`, `archived`.
    state: String,
}

/// Shows the inbox.
#[utoipa::path(
    get,
    path = "/inbox",
    tag = "notifications",
    params(Asked),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = Page), Refused, RefusedOff)
)]
pub(crate) async fn page(
    Extension(shared): Parts,
    caller: Caller,
    Params(asked): Params<Asked>,
) -> Result<Json<Page>, Problem> {
    let user = caller.acts_for(asked.user, Scope::Read)?;
    let asked = InboxPageAsked::read(asked.before, asked.limit, asked.filter.as_deref())?;
    let InboxPage { notifications, unread, unseen, more, .. } = inbox::page(&shared, user, asked).await?;
    Ok(Json(Page { notifications, unread, unseen, more }))
}

/// Which rows have got how far: exactly one of `up_to` and `ids`.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Mark {
    /// `seen`, `read` or `archived`.
    #[schema(example = "read")]
    state: String,
    /// All rows whose last change is at most this.
    up_to: Option<Seq>,
    /// These rows, at most 100; those that are not the reader's are passed over.
    #[schema(value_type = Option<Vec<String>>)]
    ids: Option<Vec<MessageId>>,
}

/// Marks rows, for all of the user's connections.
#[utoipa::path(
    post,
    path = "/inbox/mark",
    tag = "notifications",
    params(By),
    request_body = Mark,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 204, description = "On disk"), Refused, RefusedBody, RefusedOff)
)]
pub(crate) async fn mark(
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
    JsonBody(mark): JsonBody<Mark>,
) -> Result<StatusCode, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    inbox::mark(&shared, user, InboxMarked::read(&mark.state, mark.up_to, mark.ids)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
