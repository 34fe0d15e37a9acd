//! What a shard is handed, and what it asks to be run.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tidings_wire::{CloseCode, MessageId, Reject, Topic, UserId};
use tokio::sync::oneshot;

use super::Slot;
use crate::{
    act::{First, Receipt},
    control::Asked,
    delivery::Publication,
    engine::ConnectionInfo,
    greet::Loaded,
    pipeline::Checked,
    ports::{HistoryPage, InboxChanges, StoreError},
};

/// Handed to a shard through its mailbox, or by its driver.
pub struct Mail(pub(crate) Letter);

pub(crate) enum Letter {
    /// A message for some of the shard's connections.
    Deliver(Arc<Publication>),
    /// What came of an act of one of its connections.
    Answer { slot: Slot, reference: Option<i64>, id: Option<MessageId>, answer: Answer },
    /// A future of [`Effect::Run`] has ended.
    Done(Done),
    /// The store has room again.
    StoreRoom,
    /// Another shard's mailbox has room again.
    ShardRoom,
    /// Users who are watched here may stand otherwise.
    Presence,
    /// Whether the first user sees the second is to be asked again.
    Sight(UserId, UserId),
    /// The user may see less than before: whether they may watch their topics is to be asked again.
    Topics(UserId),
    /// Whom the user sees, and who sees them, is to be asked again: of those who see one another where a conversation was left, of the
    /// others where one was joined.
    SightOf { user: UserId, left: bool },
    /// Which connections the user has here.
    List(UserId, oneshot::Sender<Vec<ConnectionInfo>>),
    /// Close the user's connections.
    Close(UserId, CloseCode, oneshot::Sender<usize>),
    /// Close all connections with 1012, evenly over so long.
    Drain(std::time::Duration),
}

/// What came of an act.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// On disk; with where it stands, if it is in a stream.
    Stored(Option<Receipt>),
    /// The key was known.
    Duplicate(Receipt),
    /// The key of a call that stores no message was known.
    Repeated(First),
    /// Refused, or not known to be stored.
    Refused(Reject),
}

/// The name of a future that runs for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(crate) slot: Slot,
    pub(crate) number: u32,
}

/// The result of a future, to be handed back as [`Mail`].
pub struct Done {
    pub(crate) ticket: Ticket,
    pub(crate) finished: Finished,
}

/// What a future was for, and what came of it.
pub(crate) enum Finished {
    /// A message that a handler or group was waited for.
    Checked(Option<i64>, Result<Checked, Reject>),
    /// A frame of the protocol's own.
    Asked(Option<i64>, Result<Asked, Reject>),
    /// What a connection is welcomed with.
    Greeted(Result<Box<Loaded>, StoreError>),
    /// A page of what a connection missed.
    Replayed(Result<Option<HistoryPage>, StoreError>),
    /// What changed in its user's inbox meanwhile.
    InboxRead(Result<InboxChanges, StoreError>),
    /// What these users chose was read, or could not be. For no connection.
    Learned(Vec<UserId>, bool),
    /// Whom connections see. For the shard itself.
    Sighted,
    /// Which topics of a connection are closed to its user. For the shard itself.
    TopicsClosed(Result<Vec<Topic>, StoreError>),
}

impl Finished {
    /// Whether it is something that a connection resumes with.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(self, Self::Greeted(_) | Self::Replayed(_) | Self::InboxRead(_))
    }
}

impl Done {
    /// Which future it was.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }
}

impl Mail {
    /// Another shard, which had none, has room again.
    pub(crate) fn shard_has_room() -> Self {
        Self(Letter::ShardRoom)
    }
}

impl From<Done> for Mail {
    fn from(done: Done) -> Self {
        Self(Letter::Done(done))
    }
}

/// What a shard asks its driver for.
pub enum Effect {
    /// Poll the future, and hand its result back as mail. All of a shard's futures may run concurrently.
    Run(Ticket, BoxFuture<'static, Done>),
    /// Drop the future.
    Cancel(Ticket),
    /// Read from the connection again, which was paused.
    Resume(Slot),
}
