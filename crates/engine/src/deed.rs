//! What a call wants written and told without a message of its own in any stream: a like, a follow, a block.

use std::borrow::Cow;

use tidings_wire::{Audience, Code, Notice, Reject, Set, UserId};
use tokio::sync::oneshot;

use crate::{
    act::{Act, Op, Origin, Row, Value, Write},
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
}

/// A deed that is on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// The rows of each returning statement, in order; none where it ended quietly.
    pub rows: Vec<Vec<Row>>,
    /// An [`Otherwise::Quiet`](crate::act::Otherwise::Quiet) ended it: nobody is told.
    pub quiet: bool,
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
    let Deed { by, mut writes, reach, mut project, notices } = deed;
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
    let (origin, answer) = node.call();
    let act = Act {
        origin,
        sender: by,
        key: None,
        require: smallvec::smallvec![],
        ops: writes.into_iter().map(Op::Sql).collect(),
        project: Some(project),
    };
    submit(node, act).await?;
    match answer.await.map_err(|_| Reject::unavailable(RETRY))? {
        Answer::Refused(reject) => Err(reject),
        Answer::Stored(_) | Answer::Duplicate(_) | Answer::Repeated(_) => match rows.await {
            Ok(rows) => Ok(Done { rows, quiet: false }),
            // It was dropped unasked: the act ended quietly.
            Err(_) => Ok(Done { rows: Vec::new(), quiet: true }),
        },
    }
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
