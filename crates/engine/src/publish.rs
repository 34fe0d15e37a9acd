//! Messages that follow from an act: what a projection makes of the rows that the act's statements returned.

use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;
use tidings_wire::{Audience, Id, Message, Sender, Seq, UserId};

use crate::{
    act::Row,
    members::{Named, Pinned},
};

/// An ephemeral message to be delivered once the act it follows from is on disk.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The type's name.
    pub kind: &'static str,
    /// The type's own fields, a JSON object.
    pub body: Bytes,
    /// Who hears it.
    pub audience: Audience,
    /// Whose message it is, if anybody's.
    pub from: Option<UserId>,
    /// Its id, where it has one already.
    pub(crate) id: Option<tidings_wire::MessageId>,
}

impl Publish {
    /// `message`, as if `sender` had sent it, to its own audience. Nothing is stored, even of a kept type: what is kept
    /// goes into the act itself.
    ///
    /// # Errors
    /// Where the message's own serialisation fails.
    pub fn new<M: Message>(message: &M, sender: &Sender) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(message)?.into();
        Ok(Self { kind: M::TYPE, body, audience: message.audience(sender), from: sender.user, id: None })
    }

    /// To others than the type's own audience.
    #[must_use]
    pub fn to(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }
}

/// What follows from an act that is on disk: messages to be delivered, and changes of sets that audiences name.
///
/// Sets change first, so that its messages reach those whom the act itself let in.
#[derive(Default)]
pub struct Consequences {
    pub(crate) publish: Vec<Publish>,
    pub(crate) changes: Vec<SetChange>,
    /// Inboxes that have changed, with the last change of each.
    pub(crate) inboxes: Vec<(UserId, Seq)>,
    /// Sets that the messages name, in memory until they are on their way.
    held: SmallVec<[(Named, Pinned); 1]>,
}

/// Somebody stands in a relation, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetChange {
    pub(crate) relation: &'static str,
    pub(crate) to: Id,
    pub(crate) user: UserId,
    pub(crate) is_in: bool,
}

impl Consequences {
    /// A message.
    #[must_use]
    pub fn publish(mut self, message: Publish) -> Self {
        self.publish.push(message);
        self
    }

    /// `user` stands in a relation to something from now on, or no longer. For relations whose
    /// [`max_age`](crate::ports::Relation::max_age) is none: each change of such a set is told, in commit order, which is the
    /// order in which acts' consequences are drawn. To tell what held before changes nothing.
    #[must_use]
    pub fn change(mut self, relation: &'static str, to: impl Into<Id>, user: UserId, is_in: bool) -> Self {
        self.changes.push(SetChange { relation, to: to.into(), user, is_in });
        self
    }

    /// The user's inbox has changed up to `seq`: it is told of it by [`Inbox::changed`](crate::ports::Inbox::changed), if the user is
    /// connected. Who is not finds it later.
    #[must_use]
    pub fn inbox(mut self, user: UserId, seq: Seq) -> Self {
        self.inboxes.push((user, seq));
        self
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.publish.extend(other.publish);
        self.changes.extend(other.changes);
        self.inboxes.extend(other.inboxes);
        self.held.extend(other.held);
    }

    pub(crate) fn hold(&mut self, sets: impl IntoIterator<Item = (Named, Pinned)>) {
        self.held.extend(sets);
    }
}

impl From<Vec<Publish>> for Consequences {
    fn from(publish: Vec<Publish>) -> Self {
        Self { publish, ..Self::default() }
    }
}

/// Makes messages of returned rows. It runs in the dispatcher, in commit order: so it must not block, and whatever it
/// needs beside the rows (names, languages) was fetched before the commit and is captured.
pub struct Projection(Box<Project>);

type Project = dyn FnOnce(&[Vec<Row>]) -> Consequences + Send;

impl Projection {
    /// Wraps a function of the rows: a slice with the rows of each returning statement, in order.
    pub fn new<C: Into<Consequences>>(project: impl FnOnce(&[Vec<Row>]) -> C + Send + 'static) -> Self {
        Self(Box::new(|rows| project(rows).into()))
    }

    /// Calls it.
    pub fn run(self, rows: &[Vec<Row>]) -> Consequences {
        (self.0)(rows)
    }
}

impl fmt::Debug for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Projection(..)")
    }
}
