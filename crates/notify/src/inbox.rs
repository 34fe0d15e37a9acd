//! The inbox, as `tidings.v1` and HTTP ask for it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value as Json};
use tidings_server::{
    Deed,
    act::{Row, Value, Write},
    ports::{
        BoxFuture, Inbox, InboxChange, InboxChanges, InboxFilter, InboxMarked, InboxPageAsked, MarkedRows, StoreError,
    },
    publish::Consequences,
};
use tidings_wire::{
    ENVELOPE_FIELDS, Reject, Seq, UserId,
    server_frames::{Frame, InboxHead, InboxPage, InboxState, Notification, RowState},
};

use crate::{
    rows::{self, Read, Standing},
    shared::Shared,
    sql,
};

/// The pack as the engine's port.
pub(crate) struct Own(pub(crate) Arc<Shared>);

impl Inbox for Own {
    fn head(&self, user: UserId) -> BoxFuture<Result<InboxHead, StoreError>> {
        let shared = self.0.clone();
        Box::pin(async move {
            let Standing { head, unseen, unread, .. } = Standing::of(&shared, user).await?;
            Ok(InboxHead { head, unseen, unread })
        })
    }

    fn after(&self, user: UserId, after: Seq, limit: u32) -> BoxFuture<Result<InboxChanges, StoreError>> {
        let shared = self.0.clone();
        Box::pin(async move { Ok(changes(&shared, user, after, limit as usize).await?) })
    }

    fn page(&self, user: UserId, asked: InboxPageAsked) -> BoxFuture<Result<InboxPage, Reject>> {
        let shared = self.0.clone();
        Box::pin(async move { page(&shared, user, asked).await })
    }

    fn mark(&self, user: UserId, mark: InboxMarked) -> BoxFuture<Result<(), Reject>> {
        let shared = self.0.clone();
        Box::pin(async move { self::mark(&shared, user, mark).await })
    }

    fn changed(&self, user: UserId, seq: Seq) {
        self.0.teller.changed(user, seq);
    }
}

/// What changed after `after`, as frames, ascending.
///
/// The standing is read before the rows. A change that falls between the two readings is left to the next reading, which tells it with
/// counters of its own: so nothing above the head is passed, a mark neither.
pub(crate) async fn changes(shared: &Shared, user: UserId, after: Seq, limit: usize) -> Result<InboxChanges, Reject> {
    let standing = Standing::of(shared, user).await?;
    if after < standing.pruned_to {
        return Ok(InboxChanges { head: standing.head, forgotten: true, ..InboxChanges::default() });
    }
    let read = rows::read(shared, user, sql::CHANGED_AFTER, after, limit).await?;
    let full = read.len() == limit;
    let read: Vec<Read> = read.into_iter().filter(|row| row.shown.seq <= standing.head).collect();
    let more = full && !read.is_empty();
    let last = read.last().map_or(after, |row| row.shown.seq);
    let mut changes: Vec<InboxChange> = read.into_iter().map(|row| change(row, &standing)).collect();
    // A mark that stands above the last row of a page that is not the last comes with a later one.
    let marks = standing.marks.iter().filter(|(.., at)| *at > after && (!more || *at <= last));
    changes.extend(marks.map(|&(state, up_to, at)| marked(state, up_to, at, &standing)));
    changes.sort_by_key(|change| change.seq);
    Ok(InboxChanges { changes, more, head: standing.head, forgotten: false })
}

fn change(row: Read, standing: &Standing) -> InboxChange {
    let guide = row.has_grown && !row.shown.request && !row.shown.removed;
    let guide = guide.then(|| for_guide(&row.shown));
    let shown = Notification { unread: Some(standing.unread), unseen: Some(standing.unseen), ..row.shown };
    InboxChange { seq: shown.seq, json: Bytes::from(shown.to_json()), guide }
}

fn marked(state: RowState, up_to: Seq, seq: Seq, standing: &Standing) -> InboxChange {
    let Standing { unread, unseen, .. } = *standing;
    let frame = InboxState { seq, state, up_to, unread, unseen, replayed: false };
    InboxChange { seq, json: Bytes::from(frame.to_json()), guide: None }
}

/// The guide's form: the data flat beside the sentence, and once more by itself.
fn for_guide(shown: &Notification) -> Bytes {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), Notification::TYPE.into());
    fields.insert("subtype".to_owned(), shown.subtype.as_str().into());
    fields.insert("message".to_owned(), shown.message.as_str().into());
    for (name, value) in &shown.data {
        // What the frame says itself is not overwritten.
        if !fields.contains_key(name) && !ENVELOPE_FIELDS.contains(&name.as_str()) && name != "data" {
            fields.insert(name.clone(), value.clone());
        }
    }
    fields.insert("data".to_owned(), Json::Object(shown.data.clone()));
    fields.insert("timestamp".to_owned(), shown.timestamp.into());
    Bytes::from(Json::Object(fields).to_string())
}

/// Bytes of a page.
const PAGE_BYTES: usize = 96 * 1024;

/// A page, the latest change first.
pub(crate) async fn page(shared: &Shared, user: UserId, asked: InboxPageAsked) -> Result<InboxPage, Reject> {
    let limit = match asked.limit {
        limit @ 1..=100 => limit as usize,
        _ => return Err(Reject::field("limit", "1 to 100")),
    };
    let sql = match asked.filter {
        InboxFilter::All => sql::PAGE_ALL,
        InboxFilter::Unread => sql::PAGE_UNREAD,
        InboxFilter::Archived => sql::PAGE_ARCHIVED,
        InboxFilter::Requests => sql::PAGE_REQUESTS,
    };
    let before = asked.before.unwrap_or(i64::MAX.cast_unsigned());
    let read = rows::read(shared, user, sql, before, limit + 1).await?;
    let Standing { unread, unseen, .. } = Standing::of(shared, user).await?;
    let mut bytes = 0;
    let fits = read.iter().take(limit).take_while(|row| {
        bytes += row.shown.to_json().len() + 1;
        bytes <= PAGE_BYTES
    });
    let kept = fits.count().max(1).min(read.len());
    let more = read.len() > kept;
    let notifications = read.into_iter().take(kept).map(|row| row.shown).collect();
    Ok(InboxPage { reference: None, notifications, unread, unseen, more })
}

/// Rows that one mark names at most.
pub(crate) const MARKED: usize = 100;

/// Marks rows, and has it told.
pub(crate) async fn mark(shared: &Shared, user: UserId, mark: InboxMarked) -> Result<(), Reject> {
    let InboxMarked { state, rows } = mark;
    let up_to_sql = match state {
        RowState::Unseen => return Err(Reject::field("state", "seen, read or archived")),
        RowState::Seen => sql::SEEN_TO,
        RowState::Read => sql::READ_TO,
        RowState::Archived => sql::ARCHIVED_TO,
    };
    let writes = match rows {
        MarkedRows::UpTo(up_to) => {
            let up_to = Value::Int(i64::try_from(up_to).unwrap_or(i64::MAX));
            vec![Write::new(up_to_sql, [user.into(), up_to]).returning()]
        }
        MarkedRows::Ids(ids) if ids.len() > MARKED => {
            return Err(Reject::field("ids", format!("at most {MARKED} at a time; `up_to` marks any number")));
        }
        MarkedRows::Ids(ids) => {
            let both = |id: tidings_wire::MessageId| {
                let values = [user.into(), Value::Int(id.get()), Value::Int(state as i64)];
                [Write::new(sql::MARK_HEAD, values.clone()).returning(), Write::new(sql::MARK_ROW, values)]
            };
            ids.into_iter().flat_map(both).collect()
        }
    };
    let deed = writes.into_iter().fold(Deed::by(Some(user)), Deed::write).project(tell_heads);
    shared.running()?.commit(deed).await.map(drop)
}

/// The inboxes whose statements returned (owner, head) have changed up to there.
pub(crate) fn tell_heads(rows: &[Vec<Row>]) -> Consequences {
    let heads = rows.iter().flatten().filter_map(|row| match &row[..] {
        [owner, head] => Some((UserId(owner.id()?), head.int()?.cast_unsigned())),
        _ => None,
    });
    heads.fold(Consequences::default(), |all, (owner, head)| all.inbox(owner, head))
}
