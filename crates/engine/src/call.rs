//! What backends and HTTP ask for: the same pipeline as a connection's, awaited.

use std::{collections::VecDeque, time::Duration};

use tidings_wire::{
    Code, ConversationKey, GroupId, Reject, Sender, Seq, UserId,
    client_frames::{Delete, Edit},
};
use tokio::sync::oneshot;

use crate::{
    act::{Act, First, Op, Origin, ReadMark},
    control::{self, Asked},
    delivery::Cut,
    engine::{PresenceInfo, SendRequest, Sent},
    handle::{RETRY, refusal},
    mailbox::Mailbox,
    node::{Node, Post},
    pipeline::{self, Checked, Incoming, Outgoing, Progress},
    ports::{BoxFuture, Choices},
    presence::Standing,
    services::Services,
    shard::{Answer, Letter, Mail},
};

/// Sends a message, and waits for its commit or its hand-over to the shards.
pub(crate) async fn send(node: &Node, request: SendRequest) -> Result<Sent, Reject> {
    let SendRequest { sender, body, key, audience } = request;
    let services = node.services();
    let json = std::str::from_utf8(&body)
        .map_err(|error| Reject::new(Code::BadJson, format!("the body is not UTF-8: {error}")))?;
    let incoming = Incoming { sender: &sender, json, key, audience };
    let checked = match pipeline::begin(services, incoming, services.clock.now()) {
        Progress::Refused(_, reject) => return Err(reject),
        Progress::Ready(_, prepared) => Checked::Ready(Box::new(prepared)),
        Progress::Later(_, kind, work) => {
            let limited = tokio::time::timeout(services.settings.accept_within, work).await;
            limited.map_err(|_| {
                services.registry.at(kind).metrics.refused(Code::Unavailable);
                Reject::unavailable(RETRY)
            })??
        }
    };
    let prepared = match checked {
        Checked::Ready(prepared) => prepared,
        Checked::Known(answer) => return answered(answer)?.ok_or_else(|| Reject::unavailable(RETRY)),
    };
    let sent = Sent { id: prepared.id, timestamp: prepared.now().unix(), place: None, duplicate: false };
    let (origin, answer) = node.call();
    match prepared.outgoing(services, sender.user, None, origin, Cut::Guide, node.all_shards()) {
        Outgoing::Publish(publication) => {
            node.forget_call(origin);
            node.offer_call(publication).map(|()| sent)
        }
        Outgoing::Append(act) => {
            submit(node, *act).await?;
            let answer = answer.await.map_err(|_| Reject::unavailable(RETRY))?;
            Ok(answered(answer)?.unwrap_or(sent))
        }
    }
}

/// What was sent, as the store says; none where nothing of it is stored.
fn answered(answer: Answer) -> Result<Option<Sent>, Reject> {
    match answer {
        Answer::Stored(receipt) => Ok(receipt.map(|receipt| sent_as(&receipt, false))),
        Answer::Duplicate(receipt) => Ok(Some(sent_as(&receipt, true))),
        Answer::Repeated(First { id, created_at_ms }) => {
            Ok(Some(Sent { id, timestamp: created_at_ms.div_euclid(1_000), place: None, duplicate: true }))
        }
        Answer::Refused(reject) => Err(reject),
    }
}

fn sent_as(receipt: &crate::act::Receipt, duplicate: bool) -> Sent {
    Sent {
        id: receipt.id,
        timestamp: receipt.created_at_ms.div_euclid(1_000),
        place: Some((receipt.conversation, receipt.seq)),
        duplicate,
    }
}

/// Gives a message another body, and waits for the commit; where its event stands.
pub(crate) async fn edit(node: &Node, sender: Sender, edit: Edit) -> Result<Sent, Reject> {
    let now = node.services().clock.now();
    changed(node, control::edit(node.services().clone(), sender, edit, Origin::Nobody, now)).await
}

/// Takes a message's body away, and waits for the commit; where its event stands.
pub(crate) async fn delete(node: &Node, sender: Sender, delete: Delete) -> Result<Sent, Reject> {
    let now = node.services().clock.now();
    changed(node, control::delete(node.services().clone(), sender, delete, Origin::Nobody, now)).await
}

async fn changed(node: &Node, asked: impl Future<Output = Result<Asked, Reject>>) -> Result<Sent, Reject> {
    let asked = tokio::time::timeout(node.services().settings.accept_within, control::caught(asked)).await;
    let asked = asked.map_err(|_| Reject::unavailable(RETRY))??;
    let Asked::Act(mut act, group) = asked else { unreachable!("an edit or a deletion is an act") };
    let (origin, answer) = node.call();
    act.origin = origin;
    // The dispatcher takes this pin up again; where the act is given up, that does.
    if let Some(group) = group {
        group.leave();
    }
    submit(node, *act).await?;
    let sent = answered(answer.await.map_err(|_| Reject::unavailable(RETRY))?)?;
    // The handler's writes ended it quietly: the message is as it was.
    sent.ok_or_else(|| Reject::not_allowed("the message was not changed"))
}

/// Moves a user's mark forward, and says where it stands then.
pub(crate) async fn read_up_to(
    node: &Node,
    user: UserId,
    conversation: ConversationKey,
    seq: Seq,
) -> Result<ReadMark, Reject> {
    let services = node.services();
    if let ConversationKey::Group(group) = conversation {
        // The dispatcher tells the others, as far as the group is in memory.
        services.members.load(group).await.map_err(refusal)?;
    }
    let (origin, answer) = node.call();
    submit(node, Act::of(origin, Some(user), Op::Read(conversation, user, seq))).await?;
    if let Answer::Refused(reject) = answer.await.map_err(|_| Reject::unavailable(RETRY))? {
        return Err(reject);
    }
    let stands = services.store.conversation(user, conversation).await.map_err(refusal)?;
    let stands = stands.ok_or_else(control::no_conversation)?;
    Ok(ReadMark { conversation, user, seq: stands.read, unread: stands.unread })
}

/// Mutes a conversation for a user. Each is a commit of its own, so a user may do it only so often.
pub(crate) async fn mute(
    services: &Services,
    user: UserId,
    conversation: ConversationKey,
    until: Option<i64>,
) -> Result<(), Reject> {
    services.may_ask(user, services.clock.now())?;
    let muted = services.store.mute(user, conversation, until).await.map_err(refusal)?;
    if muted { Ok(()) } else { Err(control::no_conversation()) }
}

/// Changes a membership, and waits for its commit.
pub(crate) async fn set_member(node: &Node, group: GroupId, user: UserId, member: bool) -> Result<(), Reject> {
    if !node.services().members.own() {
        let message = "groups come from the app's own tables here: change them there";
        return Err(Reject::new(Code::NotEnabled, message));
    }
    let (origin, answer) = node.call();
    let op = if member { Op::Join(group, user) } else { Op::Leave(group, user) };
    submit(node, Act::of(origin, None, op)).await?;
    match answer.await.map_err(|_| Reject::unavailable(RETRY))? {
        Answer::Refused(reject) => Err(reject),
        Answer::Stored(_) | Answer::Duplicate(_) | Answer::Repeated(_) => Ok(()),
    }
}

/// Whether users are there, for somebody or for the app itself.
pub(crate) async fn presence(
    services: &Services,
    asker: Option<UserId>,
    users: Vec<UserId>,
) -> Result<Vec<PresenceInfo>, Reject> {
    let info = |user, standing| match standing {
        Standing::Online => PresenceInfo { user, online: true, last_seen: None },
        Standing::Offline { last_seen } => PresenceInfo { user, online: false, last_seen },
    };
    let Some(asker) = asker else {
        let as_it_is = |user| match services.directory.is_online(user) {
            true => info(user, Standing::Online),
            false => info(
                user,
                services.presence.standing(user).filter(|at| *at != Standing::Online).unwrap_or(Standing::UNSEEN),
            ),
        };
        // Of whoever is online nothing need be read; what can't be read looks as if they were never there.
        let away = users.iter().copied().filter(|user| !services.directory.is_online(*user)).collect();
        let _ = services.learn_standings(away).await;
        return Ok(users.into_iter().map(as_it_is).collect());
    };
    let seen = services.sight.of(asker, &users).await.map_err(refusal)?;
    let visible = users.iter().zip(&seen).filter(|(user, seen)| **seen && **user != asker).map(|(user, _)| *user);
    services.learn_standings(visible.collect()).await.map_err(refusal)?;
    if users.contains(&asker) {
        services.learn_seen(&[asker]).await;
    }
    let standing = |(user, seen)| {
        let standing = match seen {
            _ if user == asker => services.presence.own_standing(user),
            true => services.presence.standing(user).unwrap_or(Standing::UNSEEN),
            false => Standing::UNSEEN,
        };
        info(user, standing)
    };
    Ok(users.into_iter().zip(seen).map(standing).collect())
}

/// What one user may see of another is to be asked again, and whether they may watch their topics.
pub(crate) fn sight_changed(node: &Node, asker: UserId, user: UserId) {
    node.services().sight.outdate(asker);
    for mailbox in node.mailboxes() {
        mailbox.push(Post::Mail(Mail(Letter::Sight(asker, user))));
        mailbox.push(Post::Mail(Mail(Letter::Topics(asker))));
    }
}

/// Changes what a user chose, where something is given.
pub(crate) async fn choose(
    node: &Node,
    user: UserId,
    receipts: Option<bool>,
    visible: Option<bool>,
) -> Result<Choices, Reject> {
    let services = node.services();
    // A turn, and no lock: a store that hangs keeps others' choices waiting and nothing else.
    let turn = tokio::time::timeout(services.settings.accept_within, services.choosing.acquire()).await;
    let _turn = turn.ok().and_then(Result::ok).ok_or_else(|| Reject::unavailable(RETRY))?;
    let before = services.store.choices(user).await.map_err(refusal)?;
    let choices = Choices { receipts: receipts.unwrap_or(before.receipts), visible: visible.unwrap_or(before.visible) };
    if choices == before {
        return Ok(choices);
    }
    // Whatever is withdrawn holds before it is stored, and what is given after: whoever asks may hang up in between.
    let least = Choices { receipts: before.receipts && choices.receipts, visible: before.visible && choices.visible };
    node.stirred(services.presence.choose(user, before, least, services.clock.now()));
    if let Err(error) = services.store.choose(user, choices).await {
        node.stirred(services.presence.forget_choices(user));
        return Err(refusal(error));
    }
    node.stirred(services.presence.choose(user, least, choices, services.clock.now()));
    Ok(choices)
}

/// Whether one of the user's connections is looked at.
pub(crate) async fn is_attentive(node: &Node, user: UserId) -> bool {
    // Mostly nobody is there, and no shard need be asked.
    if !node.services().directory.is_online(user) {
        return false;
    }
    let lists = ask(node, |answer| Letter::List(user, answer)).await;
    lists.into_iter().flatten().any(|connection| connection.attentive)
}

/// Asks every shard: one that the directory knows nothing of may have the user's connection in its mailbox, ahead of the
/// letter. The letters are on their way when this returns.
pub(crate) fn ask<T: Send + 'static>(node: &Node, letter: impl Fn(oneshot::Sender<T>) -> Letter) -> BoxFuture<Vec<T>> {
    let post = |mailbox: &Mailbox<Post>| {
        let (answer, answered) = oneshot::channel();
        mailbox.push(Post::Mail(Mail(letter(answer))));
        answered
    };
    let answers: Vec<_> = node.mailboxes().iter().map(post).collect();
    // A shard that has ended has no connections.
    Box::pin(async { futures_util::future::join_all(answers).await.into_iter().flatten().collect() })
}

/// Hands an act to the store, and waits for room there as long as a send may.
pub(crate) async fn submit(node: &Node, act: Act) -> Result<(), Reject> {
    let mut unsent = Unsent { node, acts: VecDeque::from([act]) };
    let patience = node.services().settings.room_within;
    let taken = tokio::time::timeout(patience, async {
        loop {
            let room = node.store_room().notified();
            tokio::pin!(room);
            // Registered before the store is asked, so that room which comes in between is noticed.
            room.as_mut().enable();
            if node.services().store.submit(&mut unsent.acts) {
                return;
            }
            room.await;
        }
    });
    taken.await.map_err(|_| Reject::unavailable(patience.max(Duration::from_secs(1))))
}

/// An act on its way to the store. Its caller may give up (an HTTP client that hangs up drops the call): what was kept for its
/// answer goes with it.
struct Unsent<'a> {
    node: &'a Node,
    acts: VecDeque<Act>,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        self.acts.iter().for_each(|act| self.node.give_up(act));
    }
}
