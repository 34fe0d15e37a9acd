//! `GET /v1/types`: the registered message types.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;
use tidings_engine::{TypeDescription, TypeInfo};
use tidings_wire::{Keep, Limit, Senders};
use utoipa::ToSchema;

use super::schema::Refused;
use crate::{auth::Caller, handle::Tidings};

/// The registered message types, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct Types {
    types: Vec<Type>,
}

/// A message type, as it is configured on this server.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageType)]
struct Type {
    /// The `type` of its frames.
    #[schema(example = "private")]
    name: &'static str,
    version: u16,
    /// Whether it is stored.
    kept: bool,
    /// How long it is stored.
    #[schema(inline)]
    keep: KeptFor,
    /// Whether it belongs to a conversation: of one user or one group.
    stream: bool,
    /// Who may send it.
    #[schema(inline)]
    senders: WhoSends,
    /// How many of it one user may send; absent where there is no limit. Services have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<SendLimit>,
    /// For what share of the users it is on; absent where it is on for everybody. Users who are named beside it are not told here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    rollout_percent: Option<u8>,
    /// Whether a handler decides about its messages, which may refuse one, change it or address others.
    handled: bool,
    /// Who hears the example, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the user in `to`; the sender's other connections too")]
    audience: Option<String>,
    /// A frame that the type takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    example: Option<Value>,
    /// The JSON Schema of its own fields.
    #[schema(value_type = Object)]
    schema: Value,
}

/// How long messages of a type are stored.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KeptFor {
    /// Not at all.
    Never,
    /// Until they are deleted.
    Forever,
    /// At least so many seconds.
    Seconds(u64),
}

/// Who may send a type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WhoSends {
    /// Users, and services.
    Users,
    /// Services alone.
    Service,
}

/// So many at once, refilled evenly over the time.
#[derive(Serialize, ToSchema)]
struct SendLimit {
    #[schema(example = 60)]
    count: u32,
    #[schema(example = 60)]
    per_seconds: f64,
}

impl Type {
    fn new(info: TypeInfo, told: TypeDescription) -> Self {
        let TypeDescription { example, audience, handled, .. } = told;
        let percent = info.rollout.rollout.percent();
        Self {
            name: info.name,
            version: info.version,
            kept: info.kept,
            keep: match info.keep {
                Keep::Never => KeptFor::Never,
                Keep::Forever => KeptFor::Forever,
                Keep::For(time) => KeptFor::Seconds(time.as_secs()),
            },
            stream: info.stream,
            senders: match info.senders {
                Senders::Users => WhoSends::Users,
                Senders::Service => WhoSends::Service,
            },
            limit: limit(info.limit),
            rollout_percent: (percent < 100).then_some(percent),
            handled,
            audience,
            example,
            schema: info.schema,
        }
    }
}

fn limit(limit: Limit) -> Option<SendLimit> {
    let Limit { count, per } = limit;
    (count > 0).then_some(SendLimit { count, per_seconds: per.as_secs_f64() })
}

/// Lists the message types that this server knows.
#[utoipa::path(
    get,
    path = "/types",
    tag = "both",
    responses((status = 200, body = Types), Refused)
)]
pub(crate) async fn list(State(tidings): State<Tidings>, _: Caller) -> Json<Types> {
    let engine = tidings.engine();
    let types = engine.types().into_iter().map(|info| {
        let told = engine.describe(info.name).unwrap_or_default();
        Type::new(info, told)
    });
    Json(Types { types: types.collect() })
}
