//! The order in which a message passes: type, rollout, limit, decode, known key, accept, reach; then it is appended with its
//! handler's writes or published. The only file that knows this order.

use std::{panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures_util::FutureExt;
use smallvec::{SmallVec, smallvec};
use tidings_wire::{
    Audience, Code, ConversationKey, Key, KeyError, MessageId, Reject, Sender, Senders, Set, UserId, first_type,
};

use crate::{
    act::{Act, BodyHash, Entry, First, Op, Origin, Request, Require},
    audience::{From, resolve},
    blocks::Blocks,
    body_hash::body_hash,
    clock::Now,
    delivery::{Content, Cut, Publication},
    directory::ShardSet,
    handle::{Context, Intent, RETRY, refusal},
    head::{read_head, shortened},
    members::{Named, Pinned},
    metrics, notices,
    ports::BoxFuture,
    publish::{Consequences, Projection, Publish},
    registry::{Draft, Received, Step, TypeEntry, TypeIndex},
    services::Services,
    shard::Answer,
};

/// The largest group in which others learn who types and how far each has read.
pub(crate) const GROUP_WITH_RECEIPTS: usize = 100;

/// The most users that an audience may list.
const MAX_LISTED_USERS: usize = 10_000;

/// A message as it came in.
pub(crate) struct Incoming<'a> {
    pub(crate) sender: &'a Sender,
    /// The frame or body.
    pub(crate) json: &'a str,
    /// A key from outside the body, which makes what is not kept idempotent too.
    pub(crate) key: Option<Key>,
    /// Instead of the type's audience.
    pub(crate) audience: Option<Audience>,
}

/// How far a message came at once.
#[expect(clippy::large_enum_variant, reason = "it never leaves the stack: a box would cost an allocation a message")]
pub(crate) enum Progress {
    Refused(Option<i64>, Reject),
    Ready(Option<i64>, Prepared),
    /// A handler or a group must be waited for.
    Later(Option<i64>, TypeIndex, BoxFuture<Result<Checked, Reject>>),
}

/// What waiting gave.
pub(crate) enum Checked {
    Ready(Box<Prepared>),
    /// The key was known, with the same body: the first one's answer.
    Known(Answer),
}

/// A message that may pass: nothing but the store can refuse it now.
pub(crate) struct Prepared {
    pub(crate) kind: TypeIndex,
    pub(crate) id: MessageId,
    draft: Draft,
    place: Option<ConversationKey>,
    key: Option<(Key, BodyHash)>,
    sets: SmallVec<[(Named, Pinned); 1]>,
    /// The one of a dm who has blocked the sender.
    withheld: Option<UserId>,
    now: Now,
}

/// What becomes of a prepared message.
#[expect(clippy::large_enum_variant, reason = "it never leaves the stack: a box would cost an allocation a message")]
pub(crate) enum Outgoing {
    /// To be committed.
    Append(Box<Act>),
    /// To be delivered.
    Publish(Publication),
}

/// Takes a message as far as it goes without waiting.
pub(crate) fn begin(services: &Arc<Services>, incoming: Incoming<'_>, now: Now) -> Progress {
    let json = incoming.json;
    let kind = match first_type(json).and_then(|name| services.registry.find(name)) {
        Some(kind) => kind,
        None => match read_head(json) {
            Ok(head) => match services.registry.find(&head.kind) {
                Some(kind) => kind,
                None => return refused_untyped(head.reference, unknown_type(&head.kind)),
            },
            Err(reject) => return refused_untyped(None, reject),
        },
    };
    let entry = services.registry.at(kind);
    match gate(services, entry, incoming, now, kind) {
        Ok((reference, Gate::Ready(prepared))) => Progress::Ready(reference, prepared),
        Ok((reference, Gate::Later(work))) => {
            Progress::Later(reference, kind, watched(services.clone(), kind, now, work))
        }
        // A frame without a head is refused for that, whatever else is wrong with it.
        Err(reject) => match read_head(json) {
            Ok(head) => {
                entry.metrics.refused(reject.code);
                Progress::Refused(head.reference, reject)
            }
            Err(reject) => refused_untyped(None, reject),
        },
    }
}

fn unknown_type(name: &str) -> Reject {
    Reject::new(Code::UnknownType, format!("no message type {:?} is registered", shortened(name)))
}

#[expect(clippy::large_enum_variant, reason = "it never leaves the stack: a box would cost an allocation a message")]
enum Gate {
    Ready(Prepared),
    Later(BoxFuture<Result<Checked, Reject>>),
}

/// The same, counted; a panic of a handler or a port costs its own message alone.
fn watched(
    services: Arc<Services>,
    kind: TypeIndex,
    began: Now,
    work: BoxFuture<Result<Checked, Reject>>,
) -> BoxFuture<Result<Checked, Reject>> {
    let counted = async move {
        let caught = AssertUnwindSafe(work).catch_unwind().await;
        let entry = services.registry.at(kind);
        let result = caught.unwrap_or_else(|_| {
            tracing::error!(kind = entry.name, "a handler or a port panicked");
            metrics::handler_panicked(entry.name);
            Err(Reject::unavailable(RETRY))
        });
        entry.metrics.accept_took(services.clock.now().mono.saturating_sub(began.mono));
        if let Err(reject) = &result {
            entry.metrics.refused(reject.code);
        }
        result
    };
    counted.boxed()
}

fn gate(
    services: &Arc<Services>,
    entry: &TypeEntry,
    incoming: Incoming<'_>,
    now: Now,
    kind: TypeIndex,
) -> Result<(Option<i64>, Gate), Reject> {
    let Incoming { sender, json, key, audience } = incoming;
    permit(services, entry, sender, now)?;
    let context = || Context { sender: sender.clone(), intent: Intent::Send, now, services: services.clone() };
    let Received { envelope, step } = entry.receive.receive(json, sender, &context)?;
    let keyed = named(services, entry, sender, json, key, envelope.key.as_deref())?;
    let kept = kept(services, entry);
    let finish = move |services: &Services, sender: &Sender, mut draft: Draft, keyed| {
        if let Some(audience) = audience {
            draft.audience = audience;
        }
        prepare(services, kind, sender, draft, keyed, now)
    };
    let gate = match step {
        Step::Now(draft) => {
            let again = keyed.clone();
            let reached = finish(services, sender, draft?, keyed).and_then(|prepared| {
                let is_noted = !prepared.draft.notices.is_empty();
                let gate = reach(services, sender.clone(), prepared)?;
                if !is_noted {
                    return Ok(gate);
                }
                let (services, from) = (services.clone(), sender.user);
                Ok(Gate::Later(async move { noted(&services, from, gate).await }.boxed()))
            });
            match (reached, again) {
                (Ok(Gate::Later(work)), Some(keyed)) => or_known(services, sender, kept, keyed, work),
                (Err(reject), Some(keyed)) if reject.code == Code::NotAMember => {
                    or_known(services, sender, kept, keyed, std::future::ready(Err(reject)).boxed())
                }
                (reached, _) => reached?,
            }
        }
        Step::Later(accept) => {
            let (services, sender) = (services.clone(), sender.clone());
            let work = async move {
                if let Some(known) = known(&services, &sender, kept, &keyed).await? {
                    return Ok(Checked::Known(known));
                }
                let draft = accept.await?;
                let prepared = finish(&services, &sender, draft, keyed)?;
                let from = sender.user;
                let gate = reach(&services, sender, prepared)?;
                noted(&services, from, gate).await
            };
            Gate::Later(work.boxed())
        }
    };
    Ok((envelope.reference, gate))
}

/// A message that may pass, with what is noted of it prepared: that is done once nothing but the store can refuse it.
async fn noted(services: &Services, from: Option<UserId>, gate: Gate) -> Result<Checked, Reject> {
    let mut prepared = match gate {
        Gate::Ready(prepared) => Box::new(prepared),
        Gate::Later(work) => match work.await? {
            Checked::Ready(prepared) => prepared,
            known => return Ok(known),
        },
    };
    let Draft { audience, writes, project, notices, .. } = &mut prepared.draft;
    let notices = std::mem::take(notices);
    if !notices.is_empty() {
        notices::add(services, notices, Some(audience), from, prepared.now, (writes, project)).await?;
    }
    Ok(Checked::Ready(prepared))
}

/// The name under which a repeat is known, with what tells it from another message: of a kept one, and of whatever a call gave a key.
fn named(
    services: &Services,
    entry: &TypeEntry,
    sender: &Sender,
    json: &str,
    by_call: Option<Key>,
    in_body: Option<&str>,
) -> Result<Option<(Key, BodyHash)>, Reject> {
    let wanted = kept(services, entry) || by_call.is_some();
    if by_call.is_some() && !services.settings.keep {
        let how = "this deployment keeps nothing, keys neither, so that a repeat would be delivered again: send it without a key";
        return Err(Reject::new(Code::NotEnabled, how));
    }
    let in_body =
        || in_body.map(|text| text.parse().map_err(|error: KeyError| Reject::field("key", error.to_string())));
    let key = match by_call {
        Some(key) => Some(key),
        None => in_body().transpose()?,
    };
    let Some(key) = key.filter(|_| wanted) else { return Ok(None) };
    let key = sender.service.as_ref().map_or(key.clone(), |service| key.of_service(service));
    Ok(Some((key, body_hash(json, sender.service.is_some())?)))
}

/// Whoever is no member any more gets the first answer again all the same, where the message was taken before.
fn or_known(
    services: &Arc<Services>,
    sender: &Sender,
    kept: bool,
    keyed: (Key, BodyHash),
    work: BoxFuture<Result<Checked, Reject>>,
) -> Gate {
    let (services, sender) = (services.clone(), sender.clone());
    let work = async move {
        match work.await {
            Err(reject) if reject.code == Code::NotAMember => {
                known(&services, &sender, kept, &Some(keyed)).await?.map(Checked::Known).ok_or(reject)
            }
            other => other,
        }
    };
    Gate::Later(work.boxed())
}

/// Who may send, rollout, limit. Services pass the last two: they are the app itself.
pub(crate) fn permit(services: &Services, entry: &TypeEntry, sender: &Sender, now: Now) -> Result<(), Reject> {
    if sender.service.is_some() {
        return Ok(());
    }
    if entry.senders == Senders::Service {
        let name = entry.name;
        let how = format!("users may not send {name:?}; the setting [types.{name}] senders = \"users\" allows it");
        return Err(Reject::not_allowed(how));
    }
    let Some(user) = sender.user else { return Err(Reject::new(Code::Unauthorized, "nobody sends this")) };
    if !entry.is_on_for(user) {
        return Err(Reject::new(Code::NotEnabled, format!("{:?} is not switched on for you", entry.name)));
    }
    match services.settings.limits.then(|| entry.take_allowance(user, now)) {
        Some(Err(wait)) => Err(Reject {
            retry_after: Some(wait),
            ..Reject::new(Code::Limited, format!("too many {:?}: wait and send it again", entry.name))
        }),
        _ => Ok(()),
    }
}

/// Whether messages of the type are stored in this deployment.
fn kept(services: &Services, entry: &TypeEntry) -> bool {
    services.settings.keep && entry.kept()
}

/// The first answer again, for types whose handler must not run twice for one message.
async fn known(
    services: &Services,
    sender: &Sender,
    kept: bool,
    keyed: &Option<(Key, BodyHash)>,
) -> Result<Option<Answer>, Reject> {
    let Some((key, hash)) = keyed else { return Ok(None) };
    let found = match (kept, sender.user) {
        (true, None) => None,
        (true, Some(user)) => {
            let found = services.store.keyed(user, key.clone()).await.map_err(refusal)?;
            found.map(|(receipt, hash)| (Answer::Duplicate(receipt), hash))
        }
        (false, user) => {
            let found = services.store.requested(user, key.clone()).await.map_err(refusal)?;
            found.map(|(first, hash)| (Answer::Repeated(first), hash))
        }
    };
    match found {
        Some((answer, stored)) if stored == *hash => Ok(Some(answer)),
        Some(_) => Err(key_reused()),
        None => Ok(None),
    }
}

/// The refusal of a key that another message has.
pub(crate) fn key_reused() -> Reject {
    Reject::new(Code::KeyReused, "the key was used for another message: choose a new one for each message")
}

/// Where the message belongs, and whether it fits.
fn prepare(
    services: &Services,
    kind: TypeIndex,
    sender: &Sender,
    draft: Draft,
    key: Option<(Key, BodyHash)>,
    now: Now,
) -> Result<Prepared, Reject> {
    let entry = services.registry.at(kind);
    Content::fits(draft.body.json())?;
    check_sets(services, &draft.audience)?;
    if !draft.writes.is_empty() && !services.store.runs_sql() {
        return Err(Reject::new(Code::NotEnabled, "this deployment's store runs no SQL, which this message needs"));
    }
    let place = if entry.stream { Some(place(entry, sender, &draft.audience)?) } else { None };
    if kept(services, entry) && !(draft.audience.less.is_empty() && draft.audience.only.is_empty()) {
        tracing::error!(
            kind = entry.name,
            "a kept type leaves somebody out: every seq of a stream reaches every reader"
        );
        return Err(Reject::not_allowed("a kept message can leave nobody of its conversation out"));
    }
    let id = services.ids.next(now);
    Ok(Prepared { kind, id, draft, place, key, sets: SmallVec::new(), withheld: None, now })
}

/// Whether the sets of an audience can be found, and are not too long.
pub(crate) fn check_sets(services: &Services, audience: &Audience) -> Result<(), Reject> {
    for set in sets_of(audience) {
        match set {
            Set::Users(users) if users.len() > MAX_LISTED_USERS => {
                return Err(Reject::new(Code::TooLarge, format!("an audience lists at most {MAX_LISTED_USERS} users")));
            }
            Set::Of(related) if services.members.relation(related.relation).is_none() => {
                let relation = related.relation;
                let how =
                    format!("nothing here knows of {relation:?}: add a pack that brings it, such as the social one");
                return Err(Reject::new(Code::NotEnabled, how));
            }
            _ => {}
        }
    }
    Ok(())
}

/// All sets that an audience names.
pub(crate) fn sets_of(audience: &Audience) -> impl Iterator<Item = &Set> {
    audience.to.iter().chain(&audience.only).chain(&audience.less)
}

/// The conversation of a message of a stream type: its audience is one user or one group.
pub(crate) fn place(entry: &TypeEntry, sender: &Sender, audience: &Audience) -> Result<ConversationKey, Reject> {
    match (&audience.to[..], sender.user) {
        ([Set::User(to)], Some(from)) => Ok(ConversationKey::dm(from, *to)),
        ([Set::Group(group)], Some(_)) => Ok(ConversationKey::Group(*group)),
        ([Set::User(_) | Set::Group(_)], None) => {
            Err(Reject::field("from", "a message in a conversation needs the user it is from"))
        }
        _ => {
            tracing::error!(
                kind = entry.name,
                ?audience,
                "a type with STREAM addressed something else than one user or group"
            );
            Err(Reject::not_allowed("a message of this type goes to one user or one group"))
        }
    }
}

/// Loads and pins the sets that the audience names, and checks that a user is in the groups that they address. Of those whom it names
/// one by one, whoever has blocked the sender is kept out of it.
fn reach(services: &Arc<Services>, sender: Sender, mut prepared: Prepared) -> Result<Gate, Reject> {
    let mut named: SmallVec<[(Named, bool); 1]> = {
        let Audience { to, .. } = &prepared.draft.audience;
        let named = sets_of(&prepared.draft.audience).enumerate();
        named.filter_map(|(at, set)| Some((Named::of(set)?, at < to.len()))).collect()
    };
    let from = sender.user.filter(|_| services.blocks.is_some());
    if let Some(from) = from {
        let others = prepared.draft.audience.to.iter().filter_map(|set| other_than(from, set));
        named.extend(others.map(|other| (Blocks::by(other), false)));
    }
    let user = sender.user.filter(|_| sender.service.is_none() || prepared.place.is_some());
    let check = move |services: &Services, id: Named, set: &Pinned, addressed: bool| match (id, user) {
        (Named::Group(_), Some(user)) if addressed && !set.contains(&services.directory, user) => {
            Err(Reject::not_a_member())
        }
        _ => Ok(()),
    };
    for (at, &(id, addressed)) in named.iter().enumerate() {
        let Some(set) = services.members.reach(id) else {
            let (services, rest) = (services.clone(), named[at..].to_vec());
            let work = async move {
                for (id, addressed) in rest {
                    let set = services.members.load(id).await.map_err(refusal)?;
                    check(&services, id, &set, addressed)?;
                    prepared.sets.push((id, set));
                }
                if let Some(from) = from {
                    prepared.keep_apart(&services, from);
                }
                Ok(Checked::Ready(Box::new(prepared)))
            };
            let mut work: BoxFuture<Result<Checked, Reject>> = work.boxed();
            // A port that has its answer at once holds nobody up, not even one who sends and goes.
            return match (&mut work).now_or_never() {
                Some(Ok(Checked::Ready(prepared))) => Ok(Gate::Ready(*prepared)),
                Some(Err(reject)) => Err(reject),
                Some(known) => Ok(Gate::Later(std::future::ready(known).boxed())),
                None => Ok(Gate::Later(work)),
            };
        };
        check(services, id, &set, addressed)?;
        prepared.sets.push((id, set));
    }
    if let Some(from) = from {
        prepared.keep_apart(services, from);
    }
    Ok(Gate::Ready(prepared))
}

/// The user whom a set is, if it is one and another.
fn other_than(user: UserId, set: &Set) -> Option<UserId> {
    if let Set::User(other) = set { Some(*other).filter(|other| *other != user) } else { None }
}

impl Prepared {
    /// Unix milliseconds of its receipt.
    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// What becomes of it: an act where something is written or remembered or follows from it, a publication otherwise.
    /// `index` is the sender's own where a connection sends, `cut` the form that most recipients will need.
    pub(crate) fn outgoing(
        self,
        services: &Services,
        user: Option<UserId>,
        index: Option<u32>,
        origin: Origin,
        cut: Cut,
        all: ShardSet,
    ) -> Outgoing {
        let entry = services.registry.at(self.kind);
        let follows = !self.draft.writes.is_empty() || self.draft.project.is_some();
        if kept(services, entry) || self.key.is_some() || follows {
            let stored = kept(services, entry) && self.place.is_some();
            let origin = origin.with_id((!stored).then_some(self.id));
            return Outgoing::Append(Box::new(self.into_act(services, user, origin)));
        }
        let from = From { user, index, connection: connection_of(origin) };
        let to = resolve(&self.draft.audience, from, &services.directory, |id| self.pinned(id), all);
        entry.metrics.accepted();
        let content = Content {
            kind: Some(self.kind),
            name: entry.name,
            fields: Bytes::new(),
            key: None,
            id: self.id,
            from: user,
            timestamp: self.now.unix(),
            place: None,
        };
        Outgoing::Publish(Publication::of(self.draft.body, content, to, self.now.mono, cut))
    }

    /// Whoever has blocked the sender hears nothing of it: what is kept is withheld from them. The sets are in memory.
    fn keep_apart(&mut self, services: &Services, from: UserId) {
        let is_kept = self.place.is_some() && kept(services, services.registry.at(self.kind));
        let has_blocked = |other: &UserId| {
            let by = Blocks::by(*other);
            self.sets.iter().any(|(id, set)| *id == by && set.contains(&services.directory, from))
        };
        let others = self.draft.audience.to.iter().filter_map(|set| other_than(from, set));
        let blockers: SmallVec<[UserId; 1]> = others.filter(has_blocked).collect();
        for blocker in blockers {
            if is_kept {
                self.withheld = Some(blocker);
            } else {
                self.draft.audience.to.retain(|set| *set != Set::User(blocker));
            }
        }
    }

    fn pinned(&self, id: Named) -> Option<Pinned> {
        self.sets.iter().find(|(named, _)| *named == id).map(|(_, pinned)| pinned.again())
    }

    /// Handler's writes before the message: where one ends the act quietly, it is not stored either. Where none is stored, what the
    /// repeats are answered comes first of all: it is remembered of a quiet end too.
    fn into_act(self, services: &Services, user: Option<UserId>, origin: Origin) -> Act {
        let entry = services.registry.at(self.kind);
        let Draft { body, audience, writes, project, .. } = self.draft;
        let body = body.into_json();
        let is_kept = kept(services, entry);
        let (key, requested) = if is_kept { (self.key, None) } else { (None, self.key) };
        let mut act = Act { origin, sender: user, key, require: smallvec![], ops: smallvec![], project };
        let first = First { id: self.id, created_at_ms: self.now.unix_ms };
        act.ops.extend(requested.map(|(key, hash)| Op::Request(Request { key, hash, first })));
        act.ops.extend(writes.into_iter().map(Op::Sql));
        match self.place {
            Some(conversation) if is_kept => {
                if let (ConversationKey::Group(group), Some(user), true) = (conversation, user, services.members.own())
                {
                    act.require.push(Require::Member(group, user));
                }
                let created_at_ms = self.now.unix_ms;
                let (kind, version) = (entry.name, entry.version);
                let (id, withheld) = (self.id, self.withheld);
                act.ops.push(Op::Message(Entry { conversation, id, kind, version, body, created_at_ms, withheld }));
                // The dispatcher takes this one pin up again when the act is settled: it needs no other set.
                let own =
                    |id: &Named| matches!(id, Named::Group(group) if conversation == ConversationKey::Group(*group));
                if let Some((_, pinned)) = self.sets.into_iter().find(|(id, _)| own(id)) {
                    pinned.leave();
                }
            }
            _ => {
                let message = Publish { kind: entry.name, body, audience, from: user, id: Some(self.id) };
                let (sets, project) = (self.sets, act.project.take());
                act.project = Some(Projection::new(move |rows| {
                    let mut all = Consequences::from(vec![message]);
                    if let Some(project) = project {
                        all.append(project.run(rows));
                    }
                    // They stay in memory until the dispatcher has told them.
                    all.hold(sets);
                    all
                }));
            }
        }
        act
    }
}

/// The connection that an act came from.
pub(crate) fn connection_of(origin: Origin) -> Option<(u16, crate::shard::Slot)> {
    if let Origin::Connection { shard, slot, .. } = origin { Some((shard, slot)) } else { None }
}

fn refused_untyped(reference: Option<i64>, reject: Reject) -> Progress {
    metrics::refused_untyped(reject.code);
    Progress::Refused(reference, reject)
}
