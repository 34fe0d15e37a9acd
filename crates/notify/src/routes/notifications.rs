//! `POST /v1/notifications`: something happened in the app.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_server::{
    Deed, IdempotencyKey, Problem, ServiceBody, Tidings,
    auth::{Caller, Identity},
    axum::{Json, extract::State, http::StatusCode},
    ports::Scope,
    schema::{Id, Refused, RefusedSend},
    utoipa::{self, ToSchema},
};
use tidings_wire::{FOLLOWERS, GroupId, Notice, Set, UserId};

/// Something happened.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct NewNotification {
    /// Whom it concerns: up to 10,000 users, `{"followers_of":7}`, `{"group":5}`.
    to: To,
    /// What kind: a registered one, or any other with a `message`.
    #[schema(example = "post_like")]
    subtype: String,
    /// The sentence, where the subtype has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Id>)]
    actor: Option<UserId>,
    /// Free JSON of at most 8 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    /// What it is joined with: those of one subtype and one key become one row a recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group_key: Option<String>,
    /// It is over: the actor's part is taken out of the row of this key again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    taken_back: bool,
}

/// Whom it concerns.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum To {
    /// Up to 10,000.
    #[schema(value_type = Vec<Id>)]
    Users(Vec<UserId>),
    /// Those who follow this user and were accepted: with the social pack.
    #[serde(rename_all = "snake_case")]
    Followers {
        #[schema(value_type = Id)]
        followers_of: UserId,
    },
    /// The members of a group.
    Group {
        #[schema(value_type = Id)]
        group: GroupId,
    },
}

/// A notification that was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Noted {
    /// Its id: `GET /v1/trace/{id}` says what became of it.
    id: String,
    /// Whether the key was known: then this is what the first one was answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// Notifies users of something. 202 once it is on disk: of few the rows themselves, of many the job that makes them.
#[utoipa::path(
    post,
    path = "/notifications",
    tag = "backend",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 64 bytes. A repeat with the same body within 24 h notifies nobody again, and is answered as the first call was")),
    request_body = NewNotification,
    security(("service" = ["notify"])),
    responses((status = 202, body = Noted), Refused, RefusedSend)
)]
pub(crate) async fn notify(
    State(tidings): State<Tidings>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    ServiceBody(asked): ServiceBody<NewNotification>,
) -> Result<(StatusCode, Json<Noted>), Problem> {
    caller.require(Scope::Notify)?;
    let json = serde_json::to_string(&asked).expect("strings and numbers always serialise");
    let NewNotification { to, subtype, message, actor, data, group_key, taken_back } = asked;
    let to = match to {
        To::Users(users) if users.is_empty() => return Err(Problem::field("to", "at least one user")),
        To::Users(users) => Set::Users(users.into()),
        To::Followers { followers_of } => Set::of(FOLLOWERS, followers_of),
        To::Group { group } => Set::Group(group),
    };
    let id = tidings.new_id();
    let notice = Notice {
        to: Some(to),
        actor,
        data: data.unwrap_or_default(),
        group: group_key.map(Into::into),
        text: message,
        is_taken_back: taken_back,
        ..Notice::new(subtype)
    };
    let mut deed = Deed::by(None).notice(notice.known_as(id));
    if let (Some(key), Identity::Service(service)) = (key, &caller.identity) {
        deed = deed.once(key.of_service(&service.name), json, id);
    }
    let done = tidings.commit(deed).await?;
    let noted = Noted { id: done.repeated.unwrap_or(id).to_string(), duplicate: done.repeated.is_some() };
    Ok((StatusCode::ACCEPTED, Json(noted)))
}
