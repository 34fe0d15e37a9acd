//! What a connection of `tidings.v1` asks for beside sending messages, as far as it needs the store.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};
use serde_json::value::RawValue;
use tidings_wire::{
    Code, ConversationKey, GroupId, Reject, Sender, Seq, Topic, UserId,
    client_frames::{Delete, Edit, History, Watch},
    server_frames::{Frame, HistoryPage},
};

use crate::{
    act::{Act, Change, Op, Origin, Require},
    blocks::Blocks,
    clock::Now,
    delivery::Content,
    handle::{Context, Intent, RETRY, refusal},
    members::Pinned,
    pipeline::GROUP_WITH_RECEIPTS,
    ports::{Page, Reader, StoreError, StoredMessage},
    registry::{Received, Step},
    render::{self, Style, cut_page},
    services::Services,
    websocket::encoder,
};

/// What came of a frame that needed the store.
pub(crate) enum Asked {
    /// This frame answers it.
    Frame(Bytes),
    /// It is done: there is nothing to say but that.
    Done,
    /// This is to be committed; its outcome is the answer. The group of its conversation, if it has one, is to be left pinned then.
    Act(Box<Act>, Option<Pinned>),
    /// The members of a group that someone types in.
    Typing(GroupId, Pinned),
    /// To whom someone types; none where one of the two has blocked the other.
    TypingTo(Option<UserId>),
    /// These are to be watched.
    Watched(Granted),
    /// Whose the token is, and when it ends, Unix milliseconds.
    Renewed(UserId, Option<i64>),
}

/// What a `watch` asked for and may have.
pub(crate) struct Granted {
    /// Users, with whether they may be seen.
    pub(crate) users: Vec<(UserId, bool)>,
    pub(crate) topics: Vec<Topic>,
    /// Since when that is so, on the monotonic clock: what changed after it is not in it.
    pub(crate) asked: Duration,
}

/// What was asked for; where a port or a handler panics over it, `unavailable`.
pub(crate) async fn caught(asked: impl Future<Output = Result<Asked, Reject>>) -> Result<Asked, Reject> {
    AssertUnwindSafe(asked).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a port or a handler panicked");
        Err(Reject::unavailable(RETRY))
    })
}

/// A page of a stream.
///
/// # Errors
/// `bad_field`, `not_found`, `not_enabled`, `unavailable`.
pub(crate) async fn history(services: Arc<Services>, user: UserId, asked: History) -> Result<Asked, Reject> {
    let History { reference, conversation, before, after, limit } = asked;
    let limit = limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Reject::field("limit", "1 to 100"));
    }
    let page = Page { before, after, limit };
    let found = services.history(conversation, user, page).await.map_err(refusal)?;
    let found = found.ok_or_else(no_conversation)?;
    let style = Style { reader: Some(user), ..Style::default() };
    let lines = found.lines.iter().map(|line| render::raw(&services.registry, conversation, line, style)).collect();
    // Without `after` the page ends at its newest entry, so it is cut at its oldest.
    let (messages, cut): (Vec<Box<RawValue>>, _) = cut_page(lines, after.is_none());
    let (oldest, head, more) = (found.oldest, found.head, found.more || cut);
    let page = HistoryPage { reference, conversation, messages, oldest, head, more };
    Ok(Asked::Frame(encoder::text(&page.to_json())))
}

pub(crate) fn no_conversation() -> Reject {
    Reject::not_found("there is no such conversation, or you are not part of it")
}

/// Another body for a message; its type's handler decides about it again.
///
/// # Errors
/// `not_found`, `not_allowed`, whatever the type's handler says, `unavailable`.
pub(crate) async fn edit(
    services: Arc<Services>,
    sender: Sender,
    asked: Edit,
    origin: Origin,
    now: Now,
) -> Result<Asked, Reject> {
    let Edit { conversation, seq, body, .. } = asked;
    let message = changeable(&services, &sender, conversation, seq).await?;
    let entry = services.registry.get(&message.kind).ok_or_else(|| {
        Reject::new(Code::NotEnabled, "messages of this type are sent no more: it can only be deleted")
    })?;
    crate::pipeline::permit(&services, entry, &sender, now)?;
    let fields = tidings_wire::inner_fields(body.get().as_bytes());
    if !body.get().trim_ascii_start().starts_with('{') {
        return Err(Reject::field("body", "the type's fields, a JSON object"));
    }
    let mut json = Vec::with_capacity(fields.len() + 64);
    tidings_wire::write_fields(&mut json, entry.name, fields);
    json.push(b'}');
    let json = String::from_utf8(json).map_err(|_| Reject::field("body", "it is not UTF-8"))?;
    let context = || Context { sender: sender.clone(), intent: Intent::Edit(seq), now, services: services.clone() };
    let in_body = |reject: Reject| match reject.field {
        Some(field) => Reject { field: Some(format!("body.{field}").into()), ..reject },
        None => reject,
    };
    let Received { step, .. } = entry.receive.receive(&json, &sender, &context).map_err(in_body)?;
    let draft = match step {
        Step::Now(draft) => draft?,
        Step::Later(accept) => accept.await?,
    };
    Content::fits(draft.body.json())?;
    let author = Sender { user: message.sender, service: None };
    if crate::pipeline::place(entry, &author, &draft.audience)? != conversation {
        return Err(Reject::field("body", "an edit leaves the message in its conversation: whom it addresses stays"));
    }
    let group = group_of(&services, conversation).await?;
    let withheld = blocker_of(&services, &sender, conversation).await?;
    let body = Some((entry.version, draft.body.into_json()));
    let mut act = change(&services, &sender, (conversation, seq), (body, withheld), origin, now);
    let change = act.ops.pop();
    act.ops.extend(draft.writes.into_iter().map(Op::Sql));
    act.ops.extend(change);
    act.project = draft.project;
    Ok(Asked::Act(Box::new(act), group))
}

/// No body any more.
///
/// # Errors
/// `not_found`, `not_allowed`, `unavailable`.
pub(crate) async fn delete(
    services: Arc<Services>,
    sender: Sender,
    asked: Delete,
    origin: Origin,
    now: Now,
) -> Result<Asked, Reject> {
    let Delete { conversation, seq, .. } = asked;
    changeable(&services, &sender, conversation, seq).await?;
    let group = group_of(&services, conversation).await?;
    Ok(Asked::Act(Box::new(change(&services, &sender, (conversation, seq), (None, None), origin, now)), group))
}

/// The message, where the sender may change it. The store looks once more, in the transaction.
async fn changeable(
    services: &Services,
    sender: &Sender,
    conversation: ConversationKey,
    seq: Seq,
) -> Result<StoredMessage, Reject> {
    let user = own_hand(sender);
    let reader = match user {
        Some(user) => services.reader_of(conversation, user).await.map_err(refusal)?,
        None => Some(Reader::Service),
    };
    let found = match reader {
        Some(reader) => services.store.message(conversation, seq, reader).await.map_err(refusal)?,
        None => None,
    };
    let found = found.filter(|message| message.deleted_at_ms.is_none());
    let message = found.ok_or_else(|| Reject::not_found("there is no such message, or it is deleted"))?;
    match user {
        Some(user) if message.sender != Some(user) => {
            Err(Reject::not_allowed("a message is changed by its sender alone"))
        }
        _ => Ok(message),
    }
}

/// The user who acts for themselves; none where a service acts, which may change every message.
fn own_hand(sender: &Sender) -> Option<UserId> {
    sender.user.filter(|_| sender.service.is_none())
}

/// The members of the stream, whom the dispatcher will tell.
async fn group_of(services: &Services, conversation: ConversationKey) -> Result<Option<Pinned>, Reject> {
    match conversation {
        ConversationKey::Group(group) => services.members.load(group).await.map(Some).map_err(refusal),
        ConversationKey::Dm(..) => Ok(None),
    }
}

/// The other of a dm, where they have blocked whoever edits there: what is said anew is not shown to them.
async fn blocker_of(
    services: &Services,
    sender: &Sender,
    conversation: ConversationKey,
) -> Result<Option<UserId>, Reject> {
    let (Some(blocks), Some(user), ConversationKey::Dm(low, high)) = (&services.blocks, sender.user, conversation)
    else {
        return Ok(None);
    };
    let other = if user == low { high } else { low };
    let blocked = blocks.has_blocked(other, user).await.map_err(refusal)?;
    Ok(blocked.then_some(other))
}

fn change(
    services: &Services,
    sender: &Sender,
    (conversation, of): (ConversationKey, Seq),
    (body, withheld): (Option<(u16, Bytes)>, Option<UserId>),
    origin: Origin,
    now: Now,
) -> Act {
    let user = own_hand(sender);
    // Of the app's own groups the store knows no members, so it can't look again who sees the message.
    let foreign = matches!(conversation, ConversationKey::Group(_)) && !services.members.own();
    let by = user.filter(|_| !foreign);
    let change = Change { conversation, of, by, id: services.ids.next(now), body, at_ms: now.unix_ms, withheld };
    // Whoever left a group changes nothing there any more: the event's seq would stand outside of their stream.
    let member = match (conversation, by) {
        (ConversationKey::Group(group), Some(user)) => Some(Require::Member(group, user)),
        _ => None,
    };
    Act { require: member.into_iter().collect(), ..Act::of(origin, user, Op::Change(change)) }
}

/// Topics of one `watch` that are asked for at a time.
const TOPICS_AT_ONCE: usize = 8;

/// Whether the asker may watch the topics, and which of the users they see.
///
/// # Errors
/// `not_allowed`, naming the setting; `unavailable`. Then nothing of it is done.
pub(crate) async fn watch(services: Arc<Services>, asker: UserId, asked: Watch) -> Result<Asked, Reject> {
    let Watch { users, topics, .. } = asked;
    let asked = services.clock.now().mono;
    let may = |topic: Topic| {
        let may = services.topics.may_watch(asker, topic.clone());
        async move {
            match may.await.map_err(refusal)? {
                true => Ok(()),
                false => Err(Reject::not_allowed(format!(
                    "the topic {:?} is not open to you: the setting `topics.open` names the patterns of topics that are",
                    topic.as_str()
                ))),
            }
        }
    };
    stream::iter(topics.clone()).map(may).buffered(TOPICS_AT_ONCE).try_collect::<()>().await?;
    let seen = services.sight.of(asker, &users).await.map_err(refusal)?;
    let users: Vec<(UserId, bool)> = users.into_iter().zip(seen).collect();
    let visible = users.iter().filter(|(user, seen)| *seen && *user != asker).map(|(user, _)| *user);
    services.learn_standings(visible.collect()).await.map_err(refusal)?;
    Ok(Asked::Watched(Granted { users, topics, asked }))
}

/// Those of these topics that the user may watch no more.
///
/// # Errors
/// Where the port does not answer.
pub(crate) async fn topics_closed_to(
    services: Arc<Services>,
    user: UserId,
    topics: Vec<Topic>,
) -> Result<Vec<Topic>, StoreError> {
    let may = |topic: Topic| services.topics.may_watch(user, topic.clone()).map_ok(|may| (!may).then_some(topic));
    let asked = stream::iter(topics).map(may).buffered(TOPICS_AT_ONCE);
    asked.try_filter_map(|closed| std::future::ready(Ok(closed))).try_collect().await
}

/// Who hears that somebody types to them.
///
/// # Errors
/// `unavailable`.
pub(crate) async fn typing_to(blocks: Blocks, user: UserId, to: UserId) -> Result<Asked, Reject> {
    let apart = blocks.read_between(user, to).await.map_err(refusal)?;
    Ok(Asked::TypingTo((!apart).then_some(to)))
}

/// Who hears that somebody types in a group; none where it is too large for that.
///
/// # Errors
/// `not_a_member`, `unavailable`.
pub(crate) async fn typing(services: Arc<Services>, user: UserId, group: GroupId) -> Result<Asked, Reject> {
    let members = services.members.load(group).await.map_err(refusal)?;
    if !members.contains(&services.directory, user) {
        return Err(Reject::not_a_member());
    }
    if members.len() > GROUP_WITH_RECEIPTS {
        return Err(Reject::not_allowed(format!("typing is told in groups of at most {GROUP_WITH_RECEIPTS}")));
    }
    Ok(Asked::Typing(group, members))
}
