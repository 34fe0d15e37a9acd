//! Why somebody got something, or did not: what was decided, joined with where what was stored stands now.
//!
//! Only what is filtered or deferred has a row of its own in the trace. That something was stored stands in the inbox itself, which
//! knows of each row, and of each actor in it, the notice that brought it.

use jiff::Timestamp;
use serde::Serialize;
use tidings_server::{
    act::{Row, Value},
    schema::Id,
    utoipa::{self, ToSchema},
};
use tidings_wire::{MessageId, Reject, UserId};

use crate::{notices::Stored, queue::Recipients, shared::Shared, sql, writing::group_of};

/// What is known of one notice or notification, its steps in their order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Trace {
    #[schema(value_type = String)]
    id: MessageId,
    /// Where the notification stands, if the id is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<Standing>,
    /// How far the work has come, if the id is that of a notice to many which is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Job>,
    steps: Vec<Step>,
    /// Whether there are more, with `after` the last one's `id`.
    more: bool,
}

/// What was decided for a user and not simply stored.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserTrace {
    steps: Vec<Step>,
    /// Whether there are more, beyond the last one's `id`.
    more: bool,
}

/// One decision, or what came of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Step {
    /// Names the step in `before` and `after`.
    #[schema(value_type = String)]
    id: MessageId,
    /// When, Unix seconds.
    at: i64,
    /// `filtered`, `deferred`, `request` (it waits among the requests), `stored`.
    #[schema(example = "filtered")]
    step: String,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Id>)]
    user: Option<UserId>,
    #[schema(example = "post_like")]
    subtype: String,
    /// The notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    notice: Option<MessageId>,
    /// The inbox's row.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    notification: Option<MessageId>,
    /// Which rule, and its words: what is before the colon is stable.
    #[schema(example = "preference: switched off by the recipient")]
    why: String,
    /// All of it in a sentence, for people.
    #[schema(example = "not given to user 2 (preference: switched off by the recipient)")]
    say: String,
}

/// Where a notification stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    #[schema(value_type = Id)]
    user: UserId,
    #[schema(example = "post_like")]
    subtype: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// `unseen`, `seen`, `read`, `archived`.
    state: &'static str,
    /// By which mark it got there.
    by: String,
    /// It waits among the requests, and is not counted.
    request: bool,
    /// It was taken back, or went with its age.
    removed: bool,
    /// The inbox's change that was its last.
    seq: u64,
    /// How many different users did it.
    count: u64,
    /// How often it was done.
    events: u64,
    /// The last ten users, the latest first, with the notice of their last event.
    actors: Vec<Actor>,
    /// Unix seconds.
    first_at: i64,
    /// Unix seconds.
    changed_at: i64,
}

/// A user in a notification.
#[derive(Serialize, ToSchema)]
struct Actor {
    #[schema(value_type = Id)]
    user: UserId,
    /// How often they did it.
    events: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    notice: Option<MessageId>,
}

/// Work that goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Job {
    subtype: String,
    /// Whom it is for, in words.
    #[schema(example = "those in the relation followers to 7")]
    to: String,
    /// Recipients who were decided about.
    done: u64,
    /// The last of them: recipients are taken in ascending order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Id>)]
    after: Option<UserId>,
    /// Since when, Unix seconds.
    since: i64,
}

/// Which steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those after this one, ascending.
    After(MessageId),
    /// Those before this one, descending; all where there is none.
    Before(Option<MessageId>),
}

/// Of a notice or a notification; none where nothing is known of it.
pub(crate) async fn of_one(
    shared: &Shared,
    id: MessageId,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Option<Trace>, Reject> {
    let notification = standing(shared, id).await?;
    let job = job(shared, id).await?;
    let above = after.map_or(-1, MessageId::get);
    let values = || vec![Value::Int(id.get()), Value::Int(above), Value::Int(limit as i64 + 1)];
    let decided = shared.query(sql::TRACE_OF_NOTICE, values()).await?;
    let mut steps: Vec<Step> = decided.iter().filter_map(decision).collect();
    for sql in [sql::ROWS_OF_NOTICE, sql::JOINED_BY_NOTICE] {
        steps.extend(shared.query(sql, values()).await?.iter().filter_map(stored));
    }
    steps.sort_by_key(|step| step.id);
    let more = steps.len() > limit;
    steps.truncate(limit);
    let is_known = notification.is_some() || job.is_some() || !steps.is_empty() || after.is_some();
    Ok(is_known.then_some(Trace { id, notification, job, steps, more }))
}

/// Of a user.
pub(crate) async fn of_user(shared: &Shared, user: UserId, which: Which, limit: usize) -> Result<UserTrace, Reject> {
    let (sql, bound) = match which {
        Which::After(id) => (sql::TRACE_OF_USER_AFTER, id.get()),
        Which::Before(id) => (sql::TRACE_OF_USER, id.map_or(i64::MAX, MessageId::get)),
    };
    let values = vec![user.into(), Value::Int(bound), Value::Int(limit as i64 + 1)];
    let mut steps: Vec<Step> = shared.query(sql, values).await?.iter().filter_map(decision).collect();
    let more = steps.len() > limit;
    steps.truncate(limit);
    Ok(UserTrace { steps, more })
}

fn id(value: &Value) -> Option<MessageId> {
    MessageId::from_stored(value.int()?).ok()
}

fn number(value: &Value) -> u64 {
    u64::try_from(value.int().unwrap_or_default()).unwrap_or_default()
}

/// A second as people read it, in UTC (RFC 3339).
fn time(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |time| time.to_string())
}

/// A row of the trace.
fn decision(row: &Row) -> Option<Step> {
    let [entry, notice, owner, subtype, step, why, at, waits_until] = &row[..] else { return None };
    let user = owner.id().map(UserId);
    let (step, why) = (step.text()?, why.text()?);
    let to = user.map_or_else(|| "somebody".to_owned(), |user| format!("user {user}"));
    let say = match (step, waits_until.int()) {
        ("filtered", _) => format!("not given to {to} ({why})"),
        ("deferred", Some(until)) => format!("deferred until {}, when {to}'s quiet hours are over", time(until)),
        ("deferred", None) => format!("was deferred by {to}'s quiet hours, and has been given or taken back since"),
        ("request", _) => format!("laid among the requests of {to} ({why})"),
        _ => format!("{step}: {to} ({why})"),
    };
    Some(Step {
        id: id(entry)?,
        at: at.int()?,
        step: step.to_owned(),
        user,
        subtype: subtype.text()?.to_owned(),
        notice: id(notice),
        notification: None,
        why: why.to_owned(),
        say,
    })
}

/// A row that something came to.
fn stored(row: &Row) -> Option<Step> {
    let [event, notification, owner, subtype, at, request, actor] = &row[..] else { return None };
    let (event, notification) = (id(event)?, id(notification)?);
    let (user, subtype) = (UserId(owner.id()?), subtype.text()?.to_owned());
    let by = actor.id().map(|actor| format!(", done by user {}", UserId(actor))).unwrap_or_default();
    let place = if request.int() == Some(1) { "the requests" } else { "the inbox" };
    let how = if event == notification { "as the notification" } else { "joined into the notification" };
    Some(Step {
        id: event,
        // What joined a row of old came when it was last changed, or before; its own id says when.
        at: if event == notification { at.int()? } else { event.unix_ms() / 1_000 },
        step: "stored".to_owned(),
        user: Some(user),
        subtype,
        notice: None,
        notification: Some(notification),
        why: format!("stored: in {place}"),
        say: format!("stored in {place} of user {user}, {how} {notification}{by}"),
    })
}

async fn job(shared: &Shared, of: MessageId) -> Result<Option<Job>, Reject> {
    let rows = shared.query(sql::JOB_OF_NOTICE, vec![Value::Int(of.get())]).await?;
    let Some([notice, recipients, since, after, done]) = rows.first().map(|row| &row[..]) else { return Ok(None) };
    let read = |value: &Value| value.text().map(str::to_owned).unwrap_or_default();
    let notice = serde_json::from_str::<Stored>(&read(notice)).ok();
    let to = match serde_json::from_str(&read(recipients)) {
        Ok(Recipients::Users(users)) => format!("{} users", users.len()),
        Ok(Recipients::Group(group)) => format!("the members of the group {group}"),
        Ok(Recipients::Related(relation, to)) => format!("those in the relation {relation} to {to}"),
        Err(_) => "recipients of another version of the server".to_owned(),
    };
    Ok(Some(Job {
        subtype: notice.map(|notice| notice.subtype).unwrap_or_default(),
        to,
        done: number(done),
        after: after.id().map(UserId),
        since: since.int().unwrap_or_default(),
    }))
}

async fn standing(shared: &Shared, of: MessageId) -> Result<Option<Standing>, Reject> {
    let rows = shared.query(sql::ROW_STANDING, vec![Value::Int(of.get())]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let [
        owner,
        subtype,
        group,
        actor,
        count,
        events,
        own,
        reached,
        changed,
        request,
        removed,
        first_at,
        changed_at,
        notice,
    ] = &row[..14]
    else {
        return Ok(None);
    };
    let Some(owner) = owner.id() else { return Ok(None) };
    let seen = shared.query(sql::ROW_ACTORS, vec![Value::Int(of.get())]).await?;
    let mut actors: Vec<Actor> = seen
        .iter()
        .filter_map(|row| {
            let [_, actor, events, notice] = &row[..] else { return None };
            Some(Actor { user: UserId(actor.id()?), events: number(events), notice: id(notice) })
        })
        .collect();
    // A row that nothing is joined into has its actor itself.
    actors.extend(actor.id().map(|actor| Actor { user: UserId(actor), events: number(events), notice: id(notice) }));
    let (state, by) = reached_by(number(reached), number(own), &row[14..]);
    Ok(Some(Standing {
        user: UserId(owner),
        subtype: subtype.text().unwrap_or_default().to_owned(),
        group: group.text().map(|key| group_of(key).to_owned()),
        state,
        by,
        request: request.int() == Some(1),
        removed: removed.int() == Some(1),
        seq: number(changed),
        count: number(count),
        events: number(events),
        actors,
        first_at: first_at.int().unwrap_or_default(),
        changed_at: changed_at.int().unwrap_or_default(),
    }))
}

/// A state, and by which mark a row got there: `marks` are `_to` and `_at` of seen, read, archived.
fn reached_by(reached: u64, own: u64, marks: &[Value]) -> (&'static str, String) {
    let state = match reached {
        0 => return ("unseen", "no mark".to_owned()),
        1 => "seen",
        2 => "read",
        _ => "archived",
    };
    if own == reached {
        return (state, "a mark of this row".to_owned());
    }
    let at = (reached.min(3) as usize - 1) * 2;
    let mark = |at: usize| marks.get(at).map(number).unwrap_or_default();
    (state, format!("the mark of all rows up to {}, which is the inbox's change {}", mark(at), mark(at + 1)))
}
