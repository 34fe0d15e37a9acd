//! What a notice writes for one recipient.

use std::time::Duration;

use tidings_server::act::{Value, Write};
use tidings_wire::{MessageId, UserId};

use crate::sql;

/// A notice for one recipient, as it goes into their inbox.
pub(crate) struct Entry<'a> {
    pub(crate) owner: UserId,
    /// Of the row, if it is a new one, and of the event.
    pub(crate) id: MessageId,
    pub(crate) subtype: &'a str,
    /// What it is joined with.
    pub(crate) group: Option<&'a str>,
    pub(crate) actor: Option<UserId>,
    /// A JSON object.
    pub(crate) data: &'a str,
    pub(crate) words: Option<&'a str>,
    /// It waits among the requests, and is not counted.
    pub(crate) is_request: bool,
    /// Unix seconds.
    pub(crate) at: i64,
    /// How long after a row's first event others are joined into it.
    pub(crate) window: Duration,
}

/// What is joined with what strangers did is kept apart from the rest, because it is not counted.
const OF_REQUESTS: &str = "?";

/// The stored name of a group.
pub(crate) fn group_key(group: &str, is_request: bool) -> String {
    if is_request { format!("{OF_REQUESTS}{group}") } else { format!("={group}") }
}

/// The group of a stored name.
pub(crate) fn group_of(key: &str) -> &str {
    key.get(1..).unwrap_or_default()
}

fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

fn user(user: Option<UserId>) -> Value {
    user.map_or(Value::Null, Value::from)
}

/// It comes into the inbox: as a row of its own, or into the one that is open for its group.
pub(crate) fn grow(entry: &Entry<'_>, writes: &mut Vec<Write>) {
    let (owner, subtype) = (Value::from(entry.owner), Value::from(entry.subtype));
    let (id, at) = (Value::Int(entry.id.get()), Value::Int(entry.at));
    let (counted, request) = (Value::Int(i64::from(!entry.is_request)), Value::Int(i64::from(entry.is_request)));
    let (data, words) = (Value::from(entry.data), optional(entry.words));
    let Some(group) = entry.group else {
        writes.push(Write::new(sql::NEW_HEAD, [owner.clone(), counted]).returning());
        let actors = Value::Int(i64::from(entry.actor.is_some()));
        let row = [owner, subtype, id, user(entry.actor), actors, data, words, request, at];
        writes.push(Write::new(sql::NEW_ROW, row));
        return;
    };
    let group = Value::from(group_key(group, entry.is_request).as_str());
    let place = || [owner.clone(), subtype.clone(), group.clone()];
    let with = |more: &[Value]| -> Vec<Value> { place().into_iter().chain(more.iter().cloned()).collect() };
    let window = i64::try_from(entry.window.as_secs()).unwrap_or(i64::MAX);
    let began_by = Value::Int(entry.at.saturating_sub(window));
    writes.push(Write::new(sql::GROW_CLOSE, with(&[began_by])));
    writes.push(Write::new(sql::GROW_HEAD, with(&[counted])).returning());
    writes.push(Write::new(sql::GROW_ROW, with(&[id.clone(), data.clone(), words, request, at])));
    if let Some(actor) = entry.actor {
        writes.push(Write::new(sql::GROW_ACTOR, with(&[actor.into(), id.clone(), data])));
        writes.push(Write::new(sql::GROW_COUNT, with(&[actor.into(), id])));
    }
}

/// The actor's part is taken out of the latest row that it is in, and with the last part the row. What still waits for the end of
/// quiet hours goes instead, where there is something.
pub(crate) fn shrink(owner: UserId, subtype: &str, group: &str, actor: UserId, writes: &mut Vec<Write>) {
    let deferred = [owner.into(), subtype.into(), group.into(), actor.into()];
    writes.push(Write::new(sql::DEFERRED_TAKEN_BACK, deferred));
    for is_request in [false, true] {
        let place = || -> [Value; 4] {
            [owner.into(), subtype.into(), group_key(group, is_request).as_str().into(), actor.into()]
        };
        writes.push(Write::new(sql::SHRINK_HEAD, place()).returning());
        writes.push(Write::new(sql::SHRINK_ROW, place()));
        writes.push(Write::new(sql::SHRINK_ACTOR, place()));
        writes.push(Write::new(sql::SHRINK_GONE, place()));
    }
}

/// A notice that is not given, or not at once, and why.
pub(crate) struct Trace<'a> {
    pub(crate) id: MessageId,
    /// The notice.
    pub(crate) event: MessageId,
    pub(crate) owner: UserId,
    pub(crate) subtype: &'a str,
    pub(crate) step: &'static str,
    pub(crate) why: String,
    pub(crate) at: i64,
}

impl Trace<'_> {
    pub(crate) fn write(&self) -> Write {
        let (id, event) = (Value::Int(self.id.get()), Value::Int(self.event.get()));
        let values = [id, event, self.owner.into(), self.subtype.into(), self.step.into(), self.why.as_str().into()];
        let values: Vec<Value> = values.into_iter().chain([Value::Int(self.at)]).collect();
        Write::new(sql::TRACE, values)
    }
}
