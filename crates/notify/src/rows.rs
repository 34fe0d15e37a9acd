//! Rows of an inbox: read, and said in their reader's language.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};
use tidings_server::act::{Row, Value};
use tidings_wire::{
    MessageId, Reject, Seq, UserId,
    server_frames::{Notification, RowState},
};

use crate::{
    shared::Shared,
    sql,
    texts::{Said, shortened},
    writing::group_of,
};

/// Where an inbox stands, as it is stored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) head: Seq,
    pub(crate) unseen: u64,
    pub(crate) unread: u64,
    /// For each state from `seen` on: how far all rows have got it, and the number of the mark that said so.
    pub(crate) marks: [(RowState, Seq, Seq); 3],
    pub(crate) pruned_to: Seq,
}

/// A row as it is read.
pub(crate) struct Read {
    pub(crate) shown: Notification,
    /// Its last change is that something came to it.
    pub(crate) has_grown: bool,
    words: Option<String>,
}

fn number(value: &Value) -> u64 {
    u64::try_from(value.int().unwrap_or_default()).unwrap_or_default()
}

fn state(value: &Value) -> RowState {
    match value.int() {
        Some(1) => RowState::Seen,
        Some(2) => RowState::Read,
        Some(3) => RowState::Archived,
        _ => RowState::Unseen,
    }
}

fn object(value: &Value) -> Map<String, Json> {
    value.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

impl Standing {
    /// Reads it; an inbox that never had anything stands at 0.
    pub(crate) async fn of(shared: &Shared, owner: UserId) -> Result<Self, Reject> {
        let rows = shared.query(sql::INBOX, vec![owner.into()]).await?;
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        let mark = |state, at: usize| (state, number(&row[at]), number(&row[at + 1]));
        Ok(Self {
            head: number(&row[0]),
            unseen: number(&row[1]),
            unread: number(&row[2]),
            marks: [mark(RowState::Seen, 3), mark(RowState::Read, 5), mark(RowState::Archived, 7)],
            pruned_to: number(&row[9]),
        })
    }
}

/// Reads rows by one of the statements that begin as [`sql::CHANGED_AFTER`] does, with actors and sentences.
pub(crate) async fn read(
    shared: &Shared,
    owner: UserId,
    sql: &'static str,
    bound: Seq,
    limit: usize,
) -> Result<Vec<Read>, Reject> {
    let values = vec![owner.into(), Value::Int(i64::try_from(bound).unwrap_or(i64::MAX)), Value::Int(limit as i64)];
    let rows = shared.query(sql, values).await?;
    let mut read: Vec<Read> = rows.iter().filter_map(parse).collect();
    add_actors(shared, owner, &mut read).await?;
    say(shared, owner, &mut read).await?;
    Ok(read)
}

fn parse(row: &Row) -> Option<Read> {
    let [id, changed, grown, subtype, group, actor, actors, events, data, words, reached, request, removed, at] =
        &row[..]
    else {
        return None;
    };
    let id = MessageId::from_stored(id.int()?).ok()?;
    let actor = actor.id().map(UserId);
    Some(Read {
        has_grown: grown.int() == changed.int(),
        words: words.text().map(str::to_owned),
        shown: Notification {
            seq: number(changed),
            id,
            subtype: subtype.text()?.to_owned(),
            message: String::new(),
            actor,
            actors: actor.into_iter().collect(),
            count: number(actors),
            events: number(events),
            data: object(data),
            group: group.text().map(|key| group_of(key).to_owned()),
            timestamp: at.int()?,
            state: state(reached),
            removed: removed.int() == Some(1),
            request: request.int() == Some(1),
            unread: None,
            unseen: None,
            replayed: false,
        },
    })
}

/// One user's part in a row: their last event, who they are, and what the app said of it.
type Part = (i64, UserId, Map<String, Json>);

/// Rows whose actors one question reads.
const ROWS_A_QUESTION: usize = 10;

/// Puts the last ten actors into rows that several were joined into, without those whom the reader is apart from.
async fn add_actors(shared: &Shared, owner: UserId, rows: &mut [Read]) -> Result<(), Reject> {
    let joined: Vec<_> = rows.iter().filter(|row| row.shown.group.is_some() && row.shown.count > 0).collect();
    let ids: Vec<i64> = joined.iter().map(|row| row.shown.id.get()).collect();
    let mut found: HashMap<i64, Vec<Part>> = HashMap::new();
    for ten in ids.chunks(ROWS_A_QUESTION) {
        // Those that are missing to ten are asked for as a row that does not exist.
        let asked = (0..ROWS_A_QUESTION).map(|at| Value::Int(ten.get(at).copied().unwrap_or(-1))).collect();
        for row in shared.query(sql::ACTORS, asked).await? {
            if let [id, actor, latest, data] = &row[..]
                && let (Some(id), Some(actor), Some(latest)) = (id.int(), actor.id(), latest.int())
            {
                found.entry(id).or_default().push((latest, UserId(actor), object(data)));
            }
        }
    }
    for row in rows {
        let Some(mut actors) = found.remove(&row.shown.id.get()) else { continue };
        actors.sort_by_key(|(latest, ..)| std::cmp::Reverse(*latest));
        let mut shown = Vec::with_capacity(actors.len());
        for (_, actor, data) in actors {
            // Where it can't be asked, the row is shown without them: an inbox that can't be read helps nobody.
            if !shared.are_apart(owner, actor).await.unwrap_or(true) {
                shown.push((actor, data));
            }
        }
        // What somebody said who is not shown is not shown either.
        row.shown.data = shown.first_mut().map(|(_, data)| std::mem::take(data)).unwrap_or_default();
        row.shown.actors = shown.into_iter().map(|(actor, _)| actor).collect();
        row.shown.actor = row.shown.actors.first().copied();
    }
    Ok(())
}

/// Puts the sentences into the rows.
async fn say(shared: &Shared, owner: UserId, rows: &mut [Read]) -> Result<(), Reject> {
    if rows.is_empty() {
        return Ok(());
    }
    let language = shared.profile(owner).await.and_then(|profile| profile.language.clone());
    for row in rows {
        let mut names = Vec::with_capacity(row.shown.actors.len());
        for actor in &row.shown.actors {
            names.push(shared.name(*actor).await);
        }
        let Notification { count, events, data, .. } = &row.shown;
        let said = Said { actors: &names, count: *count, events: *events, data };
        let own = shared.kinds.get(&row.shown.subtype).and_then(|kind| kind.texts.say(language.as_deref(), &said));
        let words = row.words.take().map(shortened);
        row.shown.message = own.or(words).unwrap_or_else(|| row.shown.subtype.replace('_', " "));
    }
    Ok(())
}
