//! `POST /v1/messages`: sends a message, for users and for backends.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts as _, Request, State},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings_engine::{SendRequest, ports::Scope};
use tidings_wire::{Audience, Code, GroupId, Key, Me, Sender, Topic, UserId};
use utoipa::ToSchema;

use super::schema::{Id, Refused, RefusedSend};
use crate::{
    auth::{Caller, Identity},
    body,
    extract::idempotency_key,
    handle::Tidings,
    problem::Problem,
};

/// A message: its `type`, the type's own fields, and, from a service, for whom and to whom.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only: types bring their own fields")]
struct NewMessage {
    /// A registered type; see `GET /v1/types` for its fields, which stand beside this one.
    #[schema(example = "private")]
    r#type: String,
    /// The user for whom a service acts; a service's message without it goes out without `from`. Of users it is not read.
    from: Option<Id>,
    /// Instead of the type's own audience: services only, and never null; for a kept type one user or one group. It changes
    /// who hears the message, not the body's own fields: `to` and the like go out as they stand.
    audience: Option<NewAudience>,
}

/// Exactly one of its fields.
#[derive(Deserialize, ToSchema)]
struct NewAudience {
    /// At most 10,000.
    #[schema(value_type = Option<Vec<Id>>)]
    users: Option<Vec<UserId>>,
    #[schema(value_type = Option<Id>)]
    group: Option<GroupId>,
    #[schema(value_type = Option<String>, example = "score:4")]
    topic: Option<Topic>,
    /// Those who follow this user and were accepted: with the social pack.
    #[schema(value_type = Option<Id>)]
    followers_of: Option<UserId>,
    everyone: Option<bool>,
}

/// A message that was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct SentMessage {
    id: String,
    /// Unix seconds.
    timestamp: i64,
    /// The stream, of a kept one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dm:2:7")]
    conversation: Option<String>,
    /// The place in the stream, of a kept one.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// Whether the key was known: then this is what the first one was answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// Sends a message: 201 with its place once a kept one is on disk, otherwise 202.
#[utoipa::path(
    post,
    path = "/messages",
    tag = "both",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 64 bytes. A repeat with the same body is answered as the first call was, with `duplicate`, and is stored and heard once: of a kept message as long as it is stored, of another for at least 24 h. The names of the two are apart. Where the server keeps nothing: `not_enabled`")),
    request_body = inline(NewMessage),
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses(
        (status = 201, body = SentMessage, description = "Kept, and on disk"),
        (status = 202, body = SentMessage, description = "Handed to those who are connected, or with the first answer where the key was known"),
        Refused,
        RefusedSend
    )
)]
pub(crate) async fn send(
    State(tidings): State<Tidings>,
    posted: Posted,
) -> Result<(StatusCode, Json<SentMessage>), Problem> {
    let Posted { caller, key, body } = posted;
    let head = head(&body)?;
    let (sender, audience) = match &caller.identity {
        Identity::User(user) => {
            if head.audience.is_some() {
                return Err(Problem::new(
                    Code::NotAllowed,
                    "only a service may say who hears a message: leave out `audience`",
                ));
            }
            (Sender::user_only(*user), None)
        }
        Identity::Service(record) => {
            caller.require(Scope::Send)?;
            let from = head.from.map(|from| body::decode::<UserId>(from.get().as_bytes(), "from")).transpose()?;
            let kept = tidings.inner().kept.get(&*head.kind).copied().unwrap_or(false);
            let audience = head.audience.map(|audience| override_audience(audience, from, kept)).transpose()?;
            (Sender::service(record.name.as_str().into(), from), audience)
        }
    };
    let sent = tidings.send_json(SendRequest { sender, body, key, audience }).await?;
    let status = if sent.place.is_some() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let (conversation, seq) = sent.place.map(|(conversation, seq)| (conversation.to_string(), seq)).unzip();
    let (id, timestamp, duplicate) = (sent.id.to_string(), sent.timestamp, sent.duplicate);
    Ok((status, Json(SentMessage { id, timestamp, conversation, seq, duplicate })))
}

/// The body as it came, with who sent it and the header's key.
pub(crate) struct Posted {
    caller: Caller,
    key: Option<Key>,
    body: axum::body::Bytes,
}

impl FromRequest<Tidings> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, tidings: &Tidings) -> Result<Self, Problem> {
        let (mut parts, content) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, tidings).await?;
        let key = idempotency_key(&parts.headers)?;
        let most = tidings.inner().options.http.body_bytes;
        let most =
            if matches!(caller.identity, Identity::Service(_)) { most.max(body::SERVICE_BODY_BYTES) } else { most };
        let body = body::read(Request::from_parts(parts, content), most).await?;
        Ok(Self { caller, key, body })
    }
}

/// What the server itself reads of the body; the rest is the type's.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    from: Option<&'a RawValue>,
    /// `null` is no audience, but a backend's mistake, which must not reach everybody.
    #[serde(default, borrow, deserialize_with = "even_null")]
    audience: Option<&'a RawValue>,
}

fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Whether there is a type at all.
#[derive(Deserialize)]
struct Untyped<'a> {
    #[serde(default, borrow, rename = "type")]
    kind: Option<&'a RawValue>,
}

/// Reads the head. serde would take an array for it too, field by field.
fn head(body: &[u8]) -> Result<Head<'_>, Problem> {
    match serde_json::from_slice(body) {
        Ok(head) if is_object(body) => Ok(head),
        _ => Err(no_head(body)),
    }
}

/// Why a body has no head. It is read again for that: a good one is read once.
fn no_head(body: &[u8]) -> Problem {
    let bad = |sentence: String| Problem::new(Code::BadJson, sentence);
    match serde_json::from_slice::<Untyped<'_>>(body) {
        Ok(_) if !is_object(body) => bad("the body is one JSON object".to_owned()),
        Ok(Untyped { kind: None }) => bad("the body has no \"type\"".to_owned()),
        Ok(_) => match body::decode::<Head<'_>>(body, "") {
            Err(problem) => problem,
            Ok(_) => bad("the body is one JSON object".to_owned()),
        },
        Err(error) => bad(format!("the body is not one JSON object: {error}")),
    }
}

fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

/// Who hears it instead. The sender's own connections get it where they would have of a message sent in the usual way.
fn override_audience(json: &RawValue, from: Option<UserId>, kept: bool) -> Result<Audience, Problem> {
    let wrong = |sentence: &'static str| Err(Problem::field("audience", sentence));
    if !is_object(json.get().as_bytes()) {
        return wrong("an audience is an object like {\"users\":[2]}");
    }
    let given: NewAudience = body::decode(json.get().as_bytes(), "audience")?;
    let everyone = given.everyone.filter(|&everyone| everyone).map(|_| Audience::everyone().me(Me::EveryConnection));
    let one_person = matches!(given.users.as_deref(), Some([_]));
    let one_stream = one_person || given.group.is_some();
    let users = match given.users {
        Some(users) if users.is_empty() || users.len() > 10_000 => return wrong("`users` names 1 to 10,000 users"),
        Some(users) => {
            let names_sender = from.is_some_and(|from| users.contains(&from));
            let me = if kept || names_sender { Me::OtherConnections } else { Me::Nothing };
            let to = match *users {
                [one] => Audience::user(one),
                _ => Audience::users(Arc::from(users)),
            };
            Some(to.me(me))
        }
        None => None,
    };
    let group = given.group.map(|group| Audience::group(group).me(Me::OtherConnections));
    let followers = given.followers_of.map(Audience::followers_of);
    let mut all = [users, group, followers, given.topic.map(Audience::topic), everyone].into_iter().flatten();
    match (all.next(), all.next()) {
        (Some(_), None) if kept && !one_stream => wrong("a message of this type is kept: name one user or one group"),
        (Some(audience), None) => Ok(audience),
        _ => wrong("give exactly one of `users`, `group`, `followers_of`, `topic`, `everyone`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overridden(json: &str, kept: bool) -> Result<Audience, Code> {
        let json: Box<RawValue> = serde_json::from_str(json).unwrap();
        override_audience(&json, Some(UserId::new(7)), kept).map_err(|problem| problem.code())
    }

    #[test]
    fn a_service_names_exactly_one_audience() {
        let two = UserId::new(2);
        assert_eq!(overridden(r#"{"users":[2]}"#, false), Ok(Audience::user(two)));
        assert_eq!(overridden(r#"{"users":[2]}"#, true), Ok(Audience::user(two).me(Me::OtherConnections)));
        let both = Audience::users([two, UserId::new(7)]).me(Me::OtherConnections);
        assert_eq!(overridden(r#"{"users":[2,7]}"#, false), Ok(both));
        assert_eq!(overridden(r#"{"everyone":true}"#, false), Ok(Audience::everyone().me(Me::EveryConnection)));
        assert_eq!(overridden(r#"{"topic":"score:4"}"#, false), Ok(Audience::topic("score:4".parse().unwrap())));
        for json in ["{}", r#"{"everyone":false}"#, r#"{"users":[]}"#, r#"{"users":[2],"group":5}"#, r#"{"group":-1}"#]
        {
            assert_eq!(overridden(json, false), Err(Code::BadField), "{json}");
        }
        assert_eq!(overridden(r#"{"followers_of":7}"#, false), Ok(Audience::followers_of(UserId::new(7))));
        assert_eq!(overridden(r#"{"followers_of":7}"#, true), Err(Code::BadField), "no stream has such readers");
    }

    #[test]
    fn only_an_object_with_a_type_is_a_message() {
        for body in [r#"["private",2,"hi"]"#, "[1]", "5", "null", "", "{", r#"{"to":2}"#] {
            assert_eq!(head(body.as_bytes()).map(drop).unwrap_err().code(), Code::BadJson, "{body}");
        }
        assert_eq!(head(br#"{"type":5}"#).map(drop).unwrap_err().code(), Code::BadField);
        assert!(head(br#" {"type":"private"}"#).is_ok());
        assert_eq!(overridden("[[2]]", false), Err(Code::BadField));
        assert!(head(br#"{"type":"private","audience":null}"#).is_ok_and(|head| head.audience.is_some()));
        assert_eq!(overridden("null", false), Err(Code::BadField));
    }

    #[test]
    fn a_kept_message_goes_to_one_stream() {
        assert!(overridden(r#"{"group":5}"#, true).is_ok());
        for json in [r#"{"users":[2,3]}"#, r#"{"topic":"score:4"}"#, r#"{"everyone":true}"#] {
            assert_eq!(overridden(json, true), Err(Code::BadField), "{json}");
        }
    }
}
