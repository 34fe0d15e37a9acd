//! What becomes of a notice: decided, and written together with the act that it goes with.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tidings_server::{
    act::{Row, Value, Write},
    clock::Now,
    ports::{BoxFuture, Notices, Prepared},
    publish::Projection,
};
use tidings_wire::{MessageId, Notice, Reject, Set, UserId};

use crate::{
    channels::deliver,
    deciding::{Verdict, decide},
    inbox::{Own, tell_heads},
    kind::Kind,
    limits, metrics,
    queue::Recipients,
    shared::Shared,
    sql,
    texts::shortened,
    wants::Wanted,
    writing::{self, Entry, Trace},
};

/// Bytes of a notice's data, as JSON.
const DATA_BYTES: usize = 8 * 1024;

/// Bytes of the name of what a notice is joined with.
const GROUP_BYTES: usize = 200;

/// Users to whom a notice goes in its act's own transaction. More are a job of the queue.
const AT_ONCE: usize = 32;

/// A notice as it is stored while it waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// Its id, by which its trace is found.
    pub(crate) event: MessageId,
    pub(crate) subtype: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<UserId>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) data: Map<String, Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) taken_back: bool,
}

impl Stored {
    /// Checks a notice, done by `from` unless it says otherwise.
    ///
    /// # Errors
    /// `bad_field`.
    pub(crate) fn of(shared: &Shared, notice: Notice, from: Option<UserId>) -> Result<Self, Reject> {
        let Notice { subtype, actor, data, group, text, is_taken_back, id, .. } = notice;
        let kind = shared.kinds.get(&subtype);
        let is_named = || Kind::new(subtype.clone().into_owned(), "").is_well_named();
        if kind.is_none() && !is_named() {
            return Err(Reject::field("subtype", "1 to 40 of a-z, 0-9 and _, a letter first"));
        }
        if text.is_none() && !is_taken_back && kind.is_none_or(|kind| kind.texts.is_empty()) {
            let how = format!("{subtype:?} is no registered subtype with a text of its own: give a \"message\"");
            return Err(Reject::field("message", how));
        }
        if group.as_ref().is_some_and(|group| group.is_empty() || group.len() > GROUP_BYTES) {
            return Err(Reject::field("group_key", format!("1 to {GROUP_BYTES} bytes")));
        }
        if serde_json::to_vec(&data).map_or(0, |json| json.len()) > DATA_BYTES {
            return Err(Reject::field("data", format!("at most {DATA_BYTES} bytes of JSON")));
        }
        let (group, text) = (group.map(Cow::into_owned), text.map(shortened));
        let event = id.map_or_else(|| shared.new_id(), Ok)?;
        let actor = actor.or(from);
        Ok(Self { event, subtype: subtype.into_owned(), actor, data, group, text, taken_back: is_taken_back })
    }

    /// What it writes for one recipient.
    pub(crate) async fn write(
        &self,
        shared: &Shared,
        recipient: UserId,
        wanted: &Wanted,
        now: Now,
    ) -> Result<Written, Reject> {
        let mut written = Written::default();
        if self.taken_back {
            if let (Some(group), Some(actor)) = (&self.group, self.actor) {
                writing::shrink(recipient, &self.subtype, group, actor, &mut written.writes);
            }
            return Ok(written);
        }
        let kind = shared.kinds.get(&self.subtype).map(|kind| &**kind);
        let group = self.group.as_deref();
        let verdict = decide(shared, (recipient, wanted), (&self.subtype, kind), group, self.actor, now).await?;
        let verdict = limits::within(shared, verdict, recipient, (kind, group), now).await?;
        metrics::decided(verdict.as_str());
        let id = shared.new_id()?;
        let trace = |step, why| {
            Trace { id, event: self.event, owner: recipient, subtype: &self.subtype, step, why, at: now.unix() }.write()
        };
        match verdict {
            Verdict::Own => {
                written.writes.push(trace("filtered", "own: nobody is told of what they did themselves".to_owned()))
            }
            Verdict::Filter(why) => written.writes.push(trace("filtered", why)),
            Verdict::Defer(until) => {
                written.writes.push(trace("deferred", format!("quiet hours: until {until}")));
                written.writes.push(self.defer(id, recipient, until));
                written.due = Some(until);
            }
            Verdict::Give { is_request } => {
                if is_request {
                    written.writes.push(trace("request", "policy: it waits among the requests".to_owned()));
                }
                let data = Json::Object(self.data.clone()).to_string();
                let entry = Entry {
                    owner: recipient,
                    id,
                    notice: self.event,
                    subtype: &self.subtype,
                    group,
                    actor: self.actor,
                    data: &data,
                    words: self.text.as_deref(),
                    is_request,
                    at: now.unix(),
                    window: kind.map_or_else(|| Kind::new("", "").window, |kind| kind.window),
                };
                writing::grow(&entry, &mut written.writes);
                deliver(shared, &entry, (kind, wanted), &mut written.writes)?;
            }
        }
        Ok(written)
    }

    fn defer(&self, id: MessageId, recipient: UserId, until: i64) -> Write {
        let json = serde_json::to_string(self).expect("strings and numbers always serialise");
        let group = self.group.as_deref().map_or(Value::Null, Value::from);
        let actor = self.actor.map_or(Value::Null, Value::from);
        let (id, until) = (Value::Int(id.get()), Value::Int(until));
        let values = [id, recipient.into(), until, self.subtype.as_str().into(), group, actor];
        let values: Vec<Value> = values.into_iter().chain([json.as_str().into()]).collect();
        Write::new(sql::DEFER, values)
    }
}

/// What a notice writes for a recipient.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) writes: Vec<Write>,
    /// Something waits until then, Unix seconds.
    pub(crate) due: Option<i64>,
}

impl Notices for Own {
    fn prepare(&self, notices: Vec<Notice>, from: Option<UserId>, now: Now) -> BoxFuture<Result<Prepared, Reject>> {
        let shared = self.0.clone();
        Box::pin(async move { prepare(&shared, notices, from, now).await })
    }
}

async fn prepare(
    shared: &Arc<Shared>,
    notices: Vec<Notice>,
    from: Option<UserId>,
    now: Now,
) -> Result<Prepared, Reject> {
    let (mut writes, mut due, mut jobs) = (Vec::new(), None, 0);
    for mut notice in notices {
        let to = notice.to.take();
        let stored = Stored::of(shared, notice, from)?;
        let users = match to {
            Some(Set::User(user)) => BTreeSet::from([user]),
            Some(Set::Users(users)) if users.len() <= AT_ONCE => users.iter().copied().collect(),
            Some(set) => {
                shared.queue.has_room(jobs)?;
                jobs += 1;
                writes.extend(Recipients::of(set)?.job(&stored, now));
                continue;
            }
            None => continue,
        };
        for user in users {
            let wanted = shared.wants.of(shared, user).await?;
            let written = stored.write(shared, user, &wanted, now).await?;
            writes.extend(written.writes);
            due = due.into_iter().chain(written.due).min();
        }
    }
    let told = shared.clone();
    let project = Projection::new(move |rows: &[Vec<Row>]| {
        told.queue.came(jobs);
        told.channels.came();
        if let Some(due) = due {
            told.queue.due(due);
        }
        tell_heads(rows)
    });
    Ok(Prepared { writes, project: Some(project) })
}
