//! `GET /v1/conversations/{conversation}/messages`: pages of what was kept.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidings_engine::{
    Engine,
    ports::{Page, Reader, Scope, StoredMessage},
};
use tidings_wire::{ConversationKey, Reject, UserId};
use utoipa::{IntoParams, ToSchema};

use super::schema::{Id, Refused, RefusedRead};
use crate::{
    auth::{Caller, Identity},
    extract::{Params, Segments},
    handle::Tidings,
    problem::{Problem, unavailable},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesPage {
    /// Seqs below this one. Without `before` and `after`: the latest.
    before: Option<u64>,
    /// Seqs above this one.
    after: Option<u64>,
    /// 1 to 100; 50 if absent.
    limit: Option<u32>,
    /// Through whose eyes, for a service; absent: all that is stored.
    #[param(value_type = Option<Id>)]
    user: Option<UserId>,
}

/// A page of at most 96 KiB.
#[derive(Serialize, ToSchema)]
pub(crate) struct Messages {
    /// Ascending, as they were delivered; `{"type":"skip","from":43,"to":43}` in the place of one that can't be read any more.
    #[schema(value_type = Vec<Object>)]
    messages: Vec<Box<RawValue>>,
    /// The lowest seq that this reader can see.
    oldest: u64,
    /// The highest seq that this reader can see.
    head: u64,
    /// Whether there is more in the direction of the page.
    more: bool,
}

/// Reads a conversation. One that does not exist and one that the caller may not see look alike: 404.
#[utoipa::path(
    get,
    path = "/conversations/{conversation}/messages",
    tag = "users",
    params(("conversation" = String, Path, example = "dm:2:7"), MessagesPage),
    security(("token" = []), ("session" = []), ("service" = ["read"])),
    responses(
        (status = 200, body = Messages),
        Refused,
        RefusedRead
    )
)]
pub(crate) async fn messages(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(conversation): Segments<String>,
    Params(page): Params<MessagesPage>,
) -> Result<Json<Messages>, Problem> {
    let conversation: ConversationKey =
        conversation.parse().map_err(|error| Problem::field("conversation", format!("{error}")))?;
    let limit = page.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Problem::field("limit", "1 to 100"));
    }
    let reader = match (&caller.identity, page.user) {
        (Identity::Service(_), None) => caller.require(Scope::Read).map(|()| Reader::Service)?,
        (_, user) => Reader::User(caller.acts_for(user, Scope::Read)?),
    };
    let engine = tidings.engine();
    let asked = Page { before: page.before, after: page.after, limit };
    let found = engine.store().history(conversation, reader, asked).await.map_err(unavailable)?;
    let found = found.ok_or_else(|| Reject::not_found("there is no such conversation, or you are not part of it"))?;
    let rendered = found.messages.iter().map(|message| rendered(engine, reader, message)).collect();
    // Without `after` the page ends at its newest entry, so it is cut at its oldest.
    let (messages, cut) = cut_page(rendered, page.after.is_none());
    Ok(Json(Messages { messages, oldest: found.oldest, head: found.head, more: found.more || cut }))
}

/// Pages stop here, with at least one entry.
const PAGE_BYTES: usize = 96 * 1024;

/// Leaves out what is over the bytes of a page, from the front or from the end, and says whether it did.
pub(super) fn cut_page(mut entries: Vec<Box<RawValue>>, from_front: bool) -> (Vec<Box<RawValue>>, bool) {
    let mut bytes = 0;
    let mut fits = |entry: &RawValue| {
        bytes += entry.get().len() + 1;
        bytes <= PAGE_BYTES
    };
    let all = entries.len();
    let fitting = match from_front {
        true => entries.iter().rev().take_while(|entry| fits(entry)).count(),
        false => entries.iter().take_while(|entry| fits(entry)).count(),
    };
    let kept = fitting.max(1).min(all);
    if from_front {
        entries.drain(..all - kept);
    } else {
        entries.truncate(kept);
    }
    (entries, kept < all)
}

fn rendered(engine: &Engine, reader: Reader, message: &StoredMessage) -> Box<RawValue> {
    let user = match reader {
        Reader::User(user) => Some(user),
        Reader::Service => None,
    };
    engine.render(message, user).unwrap_or_else(|| {
        let (conversation, seq) = (message.conversation, message.seq);
        let skip = format!(r#"{{"type":"skip","conversation":"{conversation}","from":{seq},"to":{seq}}}"#);
        RawValue::from_string(skip).expect("a conversation's name needs no escapes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(sizes: &[usize]) -> Vec<Box<RawValue>> {
        sizes.iter().map(|size| RawValue::from_string(format!("\"{}\"", "x".repeat(*size))).unwrap()).collect()
    }

    fn sizes(entries: &[Box<RawValue>]) -> Vec<usize> {
        entries.iter().map(|entry| entry.get().len() - 2).collect()
    }

    #[test]
    fn a_page_is_cut_at_its_far_end_and_never_empty() {
        let half = PAGE_BYTES / 2;
        let (kept, cut) = cut_page(entries(&[1, half, half, 2]), true);
        assert_eq!((sizes(&kept), cut), (vec![half, 2], true));
        let (kept, cut) = cut_page(entries(&[1, half, half, 2]), false);
        assert_eq!((sizes(&kept), cut), (vec![1, half], true));
        let (kept, cut) = cut_page(entries(&[PAGE_BYTES, 1]), false);
        assert_eq!((sizes(&kept), cut), (vec![PAGE_BYTES], true));
        let (kept, cut) = cut_page(entries(&[]), true);
        assert_eq!((sizes(&kept), cut), (vec![], false));
    }
}
