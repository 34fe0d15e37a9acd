//! `GET` and `PUT /v1/preferences`: what a user wants to be notified of, and how.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidings_server::{
    Deed, JsonBody, Params, Problem, Tidings,
    act::{Value, Write},
    auth::Caller,
    axum::{Extension, Json, extract::State},
    ports::Scope,
    schema::{Refused, RefusedBody, RefusedOff},
    utoipa::{self, ToSchema},
};
use tidings_wire::{Reject, UserId};

use super::all::{By, Parts};
use crate::{IN_APP, shared::Shared, sql, wants::Policy};

/// Preferences of one user at most.
const PREFERENCES: usize = 500;

/// What a user wants.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preferences {
    /// What the user chose: of several that fit the narrowest decides, `object` before `subtype` before `channel`.
    preferences: Vec<Preference>,
    /// What may be chosen about, with what holds where nothing is chosen.
    subtypes: Vec<Choosable>,
    /// What becomes of what people do who are not close.
    policy: Policy,
}

/// One choice; what is absent stands for all.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Preference {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "post_like")]
    subtype: Option<String>,
    /// One thing, by the name under which notifications about it are joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "post:9")]
    object: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "in_app")]
    channel: Option<String>,
    mode: Mode,
}

/// Whether it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Wanted.
    On,
    /// Not wanted.
    Off,
    /// What wider choices say, or the app.
    Inherit,
}

/// A subtype that a user may choose about.
#[derive(Serialize, ToSchema)]
pub(crate) struct Choosable {
    subtype: String,
    /// For a settings page.
    title: String,
    /// Nobody can switch it off.
    mandatory: bool,
    /// The channels on which it goes unless the user chooses otherwise.
    channels: Vec<String>,
}

/// What is to change: choices that are named, and the policy where it is given. The rest stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Change {
    #[serde(default)]
    preferences: Vec<Preference>,
    #[serde(default)]
    policy: Option<Policy>,
}

/// Shows what the user wants.
#[utoipa::path(
    get,
    path = "/preferences",
    tag = "notifications",
    params(By),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses((status = 200, body = Preferences), Refused, RefusedOff)
)]
pub(crate) async fn show(
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
) -> Result<Json<Preferences>, Problem> {
    let user = caller.acts_for(by.user, Scope::Read)?;
    Ok(Json(shown(&shared, user).await?))
}

/// Changes what the user wants.
#[utoipa::path(
    put,
    path = "/preferences",
    tag = "notifications",
    params(By),
    request_body = Change,
    security(("token" = []), ("session" = []), ("service" = ["send"])),
    responses((status = 200, body = Preferences), Refused, RefusedBody, RefusedOff)
)]
pub(crate) async fn change(
    State(tidings): State<Tidings>,
    Extension(shared): Parts,
    caller: Caller,
    Params(by): Params<By>,
    JsonBody(change): JsonBody<Change>,
) -> Result<Json<Preferences>, Problem> {
    let user = caller.acts_for(by.user, Scope::Send)?;
    let wanted = shared.wants.of(&shared, user).await?;
    let is_there = |one: &&Preference| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (subtype, object, channel) = (text(&one.subtype), text(&one.object), text(&one.channel));
        wanted
            .preferences
            .iter()
            .any(|known| (&known.subtype, &known.object, &known.channel) == (&subtype, &object, &channel))
    };
    let there = wanted.preferences.len();
    let new = change.preferences.iter().filter(|one| one.mode != Mode::Inherit && !is_there(one)).count();
    if there + new > PREFERENCES {
        return Err(Problem::field(
            "preferences",
            format!("a user has at most {PREFERENCES}, of which {there} are there"),
        ));
    }
    let mut deed = Deed::by(Some(user));
    for (at, preference) in change.preferences.iter().enumerate() {
        deed = deed.write(write(&shared, user, at, preference)?);
    }
    if let Some(policy) = &change.policy {
        let json = serde_json::to_string(policy).expect("words always serialise");
        deed = deed.write(Write::new(sql::POLICY_PUT, [user.into(), json.as_str().into()]));
    }
    let committed = tidings.commit(deed).await;
    // Also where it is not known whether it is on disk.
    shared.wants.forget(user);
    committed?;
    Ok(Json(shown(&shared, user).await?))
}

fn write(shared: &Shared, user: UserId, at: usize, preference: &Preference) -> Result<Write, Reject> {
    let Preference { subtype, object, channel, mode } = preference;
    let field = |name| format!("preferences[{at}].{name}");
    if let Some(subtype) = subtype {
        let kind = shared.kinds.get(subtype);
        if kind.is_some_and(|kind| kind.mandatory) && *mode == Mode::Off {
            return Err(Reject::field(field("mode"), format!("{subtype:?} can't be switched off")));
        }
        if kind.is_none() && (subtype.is_empty() || subtype.len() > 40) {
            return Err(Reject::field(field("subtype"), "a subtype has 1 to 40 characters"));
        }
    }
    if object.as_ref().is_some_and(|object| object.is_empty() || object.len() > 200) {
        return Err(Reject::field(field("object"), "1 to 200 bytes"));
    }
    if channel.as_ref().is_some_and(|channel| !shared.channels().any(|known| known == channel)) {
        let known: Vec<&str> = shared.channels().collect();
        return Err(Reject::field(field("channel"), format!("one of {}", known.join(", "))));
    }
    let text = |value: &Option<String>| Value::from(value.as_deref().unwrap_or_default());
    let place = [user.into(), text(subtype), text(object), text(channel)];
    Ok(match mode {
        Mode::Inherit => Write::new(sql::PREFERENCE_DELETE, place),
        mode => {
            let wanted = Value::Int(i64::from(*mode == Mode::On));
            Write::new(sql::PREFERENCE_PUT, place.into_iter().chain([wanted]).collect::<Vec<_>>())
        }
    })
}

async fn shown(shared: &Arc<Shared>, user: UserId) -> Result<Preferences, Reject> {
    let wanted = shared.wants.of(shared, user).await?;
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let preferences = wanted.preferences.iter().map(|one| Preference {
        subtype: some(&one.subtype),
        object: some(&one.object),
        channel: some(&one.channel),
        mode: if one.wanted { Mode::On } else { Mode::Off },
    });
    let subtypes = shared.kinds.all().map(|kind| Choosable {
        subtype: kind.subtype.to_string(),
        title: kind.title.clone(),
        mandatory: kind.mandatory,
        channels: kind.channels.iter().filter(|name| shared.channels().any(|known| known == *name)).cloned().collect(),
    });
    Ok(Preferences { preferences: preferences.collect(), subtypes: subtypes.collect(), policy: wanted.policy })
}

impl Shared {
    /// The channels on which notifications go.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &str> {
        std::iter::once(IN_APP).chain(self.channels.names().map(|name| -> &str { name }))
    }
}
