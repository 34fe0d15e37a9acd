//! How a type's messages are accepted: the behaviour beside the contract.

use std::{borrow::Cow, future::Future, sync::Arc, time::Duration};

use tidings_wire::{Audience, GroupId, Message, MessageId, Notice, Reject, Sender, Seq, UserId};

use crate::{
    act::{Row, Value, Write},
    clock::Now,
    ports::StoreError,
    publish::Projection,
    services::Services,
};

/// Decides about each message of a type before it is stored or delivered.
///
/// The engine calls `accept` once for each received message, on the thread that serves the sender; a connection's
/// messages one after another, those of different connections concurrently. It must not block the thread: work that does
/// goes through [`Context::blocking`]. After 5 s (`Settings::accept_within`) the future is dropped and the sender gets
/// `unavailable`; a panic is caught and answered likewise. A sender that goes by itself meanwhile (closes the socket, loses the network)
/// takes nothing along: the message goes on, and nobody hears the answer. One that the server closes (a sign-out, a slow reader) ends
/// with the future. `accept` has no side effects: what it wants written it returns
/// as data ([`Accepted::write`]), which is committed together with the message, or not at all.
///
/// An async closure that needs something of its surroundings clones it into each future:
/// ```
/// # use tidings_engine::{Context, handle::Handle};
/// # use tidings_wire::{Message, Reject};
/// fn with_prefix<M: Message>(allowed: std::sync::Arc<str>) -> impl Handle<M> {
///     move |message: M, cx: Context| {
///         let allowed = allowed.clone();
///         async move {
///             if cx.sender().service.as_ref().is_some_and(|name| *name == allowed) {
///                 return Err(Reject::not_allowed("this service may not send it"));
///             }
///             Ok(message)
///         }
///     }
/// }
/// ```
pub trait Handle<M: Message>: Send + Sync + 'static {
    /// Accepts the message, changed or not, or says why not.
    fn accept(&self, message: M, cx: Context) -> impl Future<Output = Result<Accepted<M>, Reject>> + Send;
}

impl<M, F, Fut, A> Handle<M> for F
where
    M: Message,
    F: Fn(M, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Reject>> + Send,
    A: Into<Accepted<M>>,
{
    async fn accept(&self, message: M, cx: Context) -> Result<Accepted<M>, Reject> {
        self(message, cx).await.map(Into::into)
    }
}

/// A message as its handler lets it pass, with what goes along.
#[derive(Debug)]
pub struct Accepted<M> {
    pub(crate) message: M,
    pub(crate) audience: Option<Audience>,
    pub(crate) writes: Vec<Write>,
    pub(crate) project: Option<Projection>,
    pub(crate) notices: Vec<Notice>,
}

impl<M> Accepted<M> {
    /// The message, without anything along.
    pub fn new(message: M) -> Self {
        Self { message, audience: None, writes: Vec::new(), project: None, notices: Vec::new() }
    }

    /// Instead of the type's own audience. For a type in a stream it must still be one user or one group.
    #[must_use]
    pub fn to(mut self, audience: Audience) -> Self {
        self.audience = Some(audience);
        self
    }

    /// A statement that is committed together with the message.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// A notice beside the message's own ([`Message::notice`]), committed with it.
    #[must_use]
    pub fn notice(mut self, notice: Notice) -> Self {
        self.notices.push(notice);
        self
    }

    /// What is made of the rows that the statements return, once they are on disk.
    #[must_use]
    pub fn project<C: Into<crate::publish::Consequences>>(
        mut self,
        project: impl FnOnce(&[Vec<Row>]) -> C + Send + 'static,
    ) -> Self {
        self.project = Some(Projection::new(project));
        self
    }
}

impl<M> From<M> for Accepted<M> {
    fn from(message: M) -> Self {
        Self::new(message)
    }
}

/// Why a message passes its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intent {
    /// It is sent.
    Send,
    /// It replaces the body of an earlier one.
    Edit(Seq),
}

/// What a handler may ask. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(crate) sender: Sender,
    pub(crate) intent: Intent,
    pub(crate) now: Now,
    pub(crate) services: Arc<Services>,
}

impl Context {
    /// Who sends.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Why the message passes.
    pub fn intent(&self) -> Intent {
        self.intent
    }

    /// When it was received.
    pub fn now(&self) -> Now {
        self.now
    }

    /// An id that no message or row has yet, for rows that the handler writes.
    pub fn new_id(&self) -> MessageId {
        self.services.ids.next(self.now)
    }

    /// Rows of the app's tables: one reading statement, parameters as in [`Write`], at most 1,000 rows.
    ///
    /// # Errors
    /// `unavailable` where the store does not answer, `not_enabled` where it runs no SQL.
    pub async fn query(&self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Result<Vec<Row>, Reject> {
        self.services.store.query(sql.into(), values).await.map_err(refusal)
    }

    /// Whether a user is a member of a group, as of now.
    ///
    /// # Errors
    /// `unavailable` where the store does not answer.
    pub async fn is_member(&self, group: GroupId, user: UserId) -> Result<bool, Reject> {
        self.services.members.contains(group, user).await.map_err(refusal)
    }

    /// Runs work that blocks on the node's own threads for it.
    ///
    /// # Errors
    /// `unavailable` where too much waits already, or the work panicked.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Reject> {
        self.services.blocking.run(work).await.ok_or_else(|| Reject::unavailable(RETRY))
    }
}

/// When to try again what a store or a thread did not take.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// The refusal for a store's error; the cause goes to the log.
pub(crate) fn refusal(error: StoreError) -> Reject {
    error.refusal("the store did not answer")
}
