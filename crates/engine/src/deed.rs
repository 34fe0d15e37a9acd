//! What a call wants written and told without a message of its own in any stream: a like, a follow, a block.

use std::borrow::Cow;

use tidings_wire::{Audience, Code, GroupId, Id, Key, MessageId, Notice, Reject, Related, Set, UserId};
use tokio::sync::oneshot;

use crate::{
    act::{Act, First, Op, Origin, Request, Row, Value, Write},
    body_hash::body_hash,
    call::submit,
    engine::Sent,
    follow::publication,
    handle::{RETRY, refusal},
    members::{Named, Pinned},
    node::Node,
    notices,
    pipeline::{check_sets, sets_of},
    publish::{Consequences, Projection, Publish},
    services::Services,
    shard::Answer,
};

/// Statements that are committed together, and what follows from the rows that they return.
///
/// ```
/// use tidings_engine::{Deed, act::{Otherwise, Value, Write}, publish::Consequences};
/// use tidings_wire::{FOLLOWERS, Set, UserId};
///
/// let (ann, bob) = (UserId::new(1), UserId::new(2));
/// let follow = Write::new("INSERT INTO follows (follower, followee) VALUES ($1, $2) ON CONFLICT DO NOTHING", [ann.into(), bob.into()])
///     .expect(1..=1, Otherwise::Quiet);
/// let deed = Deed::by(Some(ann)).write(follow).project(move |_| Consequences::default().change(FOLLOWERS, bob, ann, true));
/// ```
#[derive(Default)]
pub struct Deed {
    by: Option<UserId>,
    writes: Vec<Write>,
    reach: Vec<Set>,
    project: Option<Projection>,
    notices: Vec<Notice>,
    once: Option<(Key, String, MessageId)>,
}

/// A deed that is on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// The rows of each returning statement, in order; none where it ended quietly.
    pub rows: Vec<Vec<Row>>,
    /// An [`Otherwise::Quiet`](crate::act::Otherwise::Quiet) ended it: nobody is told.
    pub quiet: bool,
    /// The key was known ([`Deed::once`]): the id that the first one was given. Nothing was written.
    pub repeated: Option<MessageId>,
}

impl Deed {
    /// A user's, or the app's own.
    pub fn by(user: Option<UserId>) -> Self {
        Self { by: user, ..Self::default() }
    }

    /// A statement more, after those before.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// A set that its messages will name. It is read before the commit, so that nobody waits for it afterwards; one that is named nowhere
    /// else is read when the commit is told, and what was committed later waits for it.
    #[must_use]
    pub fn reach(mut self, set: Set) -> Self {
        self.reach.push(set);
        self
    }

    /// Makes it idempotent for at least a day: a repeat under the same key, of the same user or nobody, writes nothing and is answered
    /// with this `id`. `asked` is what was asked for, a JSON object: another one under the key is refused with `key_reused`.
    #[must_use]
    pub fn once(mut self, key: Key, asked: impl Into<String>, id: MessageId) -> Self {
        self.once = Some((key, asked.into(), id));
        self
    }

    /// A notice, committed with it.
    #[must_use]
    pub fn notice(mut self, notice: Notice) -> Self {
        self.notices.push(notice);
        self
    }

    /// What is made of the rows that the statements return, once they are on disk: runs as [`Projection`] says.
    #[must_use]
    pub fn project<C: Into<Consequences>>(mut self, project: impl FnOnce(&[Vec<Row>]) -> C + Send + 'static) -> Self {
        self.project = Some(Projection::new(project));
        self
    }
}

impl std::fmt::Debug for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deed").field("by", &self.by).field("writes", &self.writes).finish_non_exhaustive()
    }
}

/// Commits a deed, and says what came of it once that is on disk and its consequences are drawn.
pub(crate) async fn commit(node: &Node, deed: Deed) -> Result<Done, Reject> {
    let Deed { by, mut writes, reach, mut project, notices, once } = deed;
    let services = node.services();
    if !services.store.runs_sql() {
        return Err(Reject::new(Code::NotEnabled, "this deployment's store runs no SQL, which this needs"));
    }
    let audience = Audience { to: reach.into(), ..Audience::nobody() };
    let sets = load(services, &audience).await?;
    let own = writes.iter().filter(|write| write.returning).count();
    notices::add(services, notices, None, by, services.clock.now(), (&mut writes, &mut project)).await?;
    let (told, rows) = oneshot::channel();
    let project = Projection::new(move |rows| {
        // Whoever asked may have hung up.
        let _ = told.send(rows[..own.min(rows.len())].to_vec());
        let mut all = project.map(|project| project.run(rows)).unwrap_or_default();
        all.hold(sets);
        all
    });
    let request = once.map(|(key, asked, id)| request(services, key, &asked, id)).transpose()?;
    let (origin, answer) = node.call();
    let act = Act {
        origin,
        sender: by,
        key: None,
        require: smallvec::smallvec![],
        ops: request.into_iter().map(Op::Request).chain(writes.into_iter().map(Op::Sql)).collect(),
        project: Some(project),
    };
    submit(node, act).await?;
    match answer.await.map_err(|_| Reject::unavailable(RETRY))? {
        Answer::Refused(reject) => Err(reject),
        Answer::Repeated(first) => Ok(Done { quiet: true, repeated: Some(first.id), ..Done::default() }),
        Answer::Stored(_) | Answer::Duplicate(_) => match rows.await {
            Ok(rows) => Ok(Done { rows, ..Done::default() }),
            // It was dropped unasked: the act ended quietly.
            Err(_) => Ok(Done { quiet: true, ..Done::default() }),
        },
    }
}

/// What a repeat is known by.
fn request(services: &Services, key: Key, asked: &str, id: MessageId) -> Result<Request, Reject> {
    let hash = body_hash(asked, false)?;
    Ok(Request { key, hash, first: First { id, created_at_ms: services.clock.now().unix_ms } })
}

/// One page of a group's members, from where they are kept.
pub(crate) async fn members_page(
    services: &Services,
    group: GroupId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserId>, Reject> {
    services.members.page(Named::Group(group), after, limit).await.map_err(refusal)
}

/// One page of those who stand in a relation to something, from where they are kept.
pub(crate) async fn related_page(
    services: &Services,
    (relation, to): (&str, Id),
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserId>, Reject> {
    let Some(relation) = services.members.relation(relation) else {
        let how = format!("nothing here knows of {relation:?}: add a pack that brings it, such as the social one");
        return Err(Reject::new(Code::NotEnabled, how));
    };
    services.members.page(Named::Of(Related { relation, to }), after, limit).await.map_err(refusal)
}

/// Reads rows of the packs' tables, as a handler's context does.
pub(crate) async fn query(services: &Services, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Vec<Row>, Reject> {
    services.store.query(sql, values).await.map_err(refusal)
}

/// Delivers a message to those who are connected, and stores nothing.
pub(crate) async fn publish(node: &Node, message: Publish) -> Result<Sent, Reject> {
    let services = node.services();
    // In memory until the recipients are found.
    let _sets = load(services, &message.audience).await?;
    let now = services.clock.now();
    let publication = publication(services, &message, Origin::Nobody, node.all_shards(), now)?;
    let id = publication.content.id;
    node.offer_call(publication)?;
    Ok(Sent { id, timestamp: now.unix(), place: None, duplicate: false })
}

/// The sets that an audience names, in memory as long as they are held.
async fn load(services: &Services, audience: &Audience) -> Result<Vec<(Named, Pinned)>, Reject> {
    check_sets(services, audience)?;
    let mut sets = Vec::new();
    for named in sets_of(audience).filter_map(Named::of) {
        sets.push((named, services.members.load(named).await.map_err(refusal)?));
    }
    Ok(sets)
}
