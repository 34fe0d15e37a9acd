//! The handle: what the app's own code and the packs' routes ask of a running server.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use bytes::Bytes;
use tidings_engine::{
    ConnectionInfo, Deed, Done, Engine, PresenceInfo, SendRequest, Sent,
    act::{Row, Value},
    clock::Now,
    ports::{Inbox, InboxChange, Profile},
    publish::Publish,
};
use tidings_wire::{Audience, CloseCode, Code, GroupId, Id, Key, Message, MessageId, Notice, Reject, Sender, UserId};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    auth::Authenticator,
    changed::{self, Changed},
    erasure::{self, Erasure},
    keeper::Keeper,
    limits::ConnectionLimits,
    options::ServerOptions,
    phase::Phase,
    problem::refusal,
    proxies::Suspicion,
    rollout::RolloutChanges,
    users::CachedUsers,
};

/// A running server's handle. Cheap to clone; all clones act on the same server.
///
/// Everything is async, though much answers at once today: in a cluster other nodes are asked.
#[derive(Clone)]
pub struct Tidings(Arc<Inner>);

/// What the parts of the server share.
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) options: ServerOptions,
    pub(crate) auth: Arc<Authenticator>,
    /// What the app knows of its users, if it brought a port for it.
    pub(crate) users: Option<CachedUsers>,
    pub(crate) rollouts: RolloutChanges,
    pub(crate) limits: Arc<ConnectionLimits>,
    pub(crate) phase: Phase,
    pub(crate) proxy_suspicion: Suspicion,
    /// Whether messages of a type are stored, by the type's name.
    pub(crate) kept: HashMap<&'static str, bool>,
    /// `/v1/openapi.json`.
    pub(crate) openapi: Bytes,
    /// What packs keep of users.
    pub(crate) keepers: Vec<Arc<dyn Keeper>>,
    /// Every task that the server spawns; a stop waits for them.
    pub(crate) tasks: TaskTracker,
    /// Ends tasks that would go on for ever.
    pub(crate) stop: CancellationToken,
}

impl Tidings {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Sends a message as `from`, and waits until it is committed (kept types) or handed to the shards.
    ///
    /// # Errors
    /// The refusal, as a client would read it.
    pub async fn send<M: Message>(&self, message: &M, from: Sender) -> Result<Sent, Reject> {
        self.send_request(message, from, None, None).await
    }

    /// Sends one message to many: to those whom `audience` names instead of the type's own, up to 10,000 users by name, or as many
    /// as a group or a relation has. It is encoded once, and handed to each shard once. A kept type goes to one user or one group.
    ///
    /// # Errors
    /// As [`send`](Tidings::send); `too_large` for a longer list; `not_enabled` where no pack brings a relation.
    pub async fn send_many<M: Message>(&self, message: &M, from: Sender, audience: Audience) -> Result<Sent, Reject> {
        self.send_request(message, from, None, Some(audience)).await
    }

    /// Delivers a message of any registered type to those whom `audience` names and who are connected, as if `from` had sent it.
    /// Nothing is stored, no handler is asked, no limit counts it.
    ///
    /// # Errors
    /// `too_large`; `not_enabled` where no pack brings a relation; `unavailable`.
    pub async fn publish<M: Message>(
        &self,
        message: &M,
        from: Option<UserId>,
        audience: Audience,
    ) -> Result<Sent, Reject> {
        let sender = Sender { user: from, service: None };
        let message = Publish::new(message, &sender).map_err(not_json)?;
        self.0.engine.publish(message.to(audience)).await
    }

    /// Commits statements together, and says what came of them.
    ///
    /// # Errors
    /// What a statement refuses; `not_enabled` where the store runs no SQL; `unavailable`.
    pub async fn commit(&self, deed: Deed) -> Result<Done, Reject> {
        self.0.engine.commit(deed).await
    }

    /// Members of a group in ascending order of their ids, above `after`, at most `limit` (1,000): read from where they are kept, not from
    /// memory. A page shorter than `limit` is the last.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn members_page(&self, group: GroupId, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, Reject> {
        self.0.engine.members_page(group, after, limit).await
    }

    /// Those who stand in a relation to something (the followers of a user), as [`members_page`](Self::members_page) has it.
    ///
    /// # Errors
    /// `not_enabled` where nobody brings the relation; `unavailable`.
    pub async fn related_page(
        &self,
        relation: &str,
        to: Id,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, Reject> {
        self.0.engine.related_page(relation, to, after, limit).await
    }

    /// Rows of the packs' tables: one reading statement, parameters `$1`, `$2` …, at most 1,000 rows.
    ///
    /// # Errors
    /// `unavailable`; `not_enabled` where the store runs no SQL.
    pub async fn query(&self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Result<Vec<Row>, Reject> {
        self.0.engine.query(sql, values).await
    }

    /// Notifies those whom a notice names. Its id, by which is found what became of it, once it is on disk: for few the rows of their
    /// inboxes, for many the job that makes them. What goes with an act is better given to the act's own deed
    /// ([`Deed::notice`](tidings_engine::Deed::notice)), so that both are one commit.
    ///
    /// # Errors
    /// `bad_field`; `not_enabled` where no pack keeps notifications; `unavailable`.
    pub async fn notify(&self, notice: Notice) -> Result<MessageId, Reject> {
        if self.inbox().is_none() {
            return Err(Reject::new(Code::NotEnabled, "nothing here keeps notifications: add the pack `Notify`"));
        }
        let id = notice.id.unwrap_or_else(|| self.new_id());
        self.commit(Deed::by(notice.actor).notice(notice.known_as(id))).await.map(|_| id)
    }

    /// Users' inboxes, if a pack keeps notifications: their pages, and marks.
    pub fn inbox(&self) -> Option<Arc<dyn Inbox>> {
        self.0.engine.inbox()
    }

    /// Sends a user's connections a change of their inbox. Of one user they are told one after another, ascending, each after its
    /// commit: see [`Inbox`](tidings_engine::ports::Inbox).
    ///
    /// # Errors
    /// `unavailable` where there is no room: it was sent to none of them, and is to be told again.
    pub async fn tell_inbox(&self, user: UserId, change: &InboxChange) -> Result<(), Reject> {
        self.0.engine.tell_inbox(user, change)
    }

    /// The time, by the server's clock.
    pub fn now(&self) -> Now {
        self.0.engine.clock().now()
    }

    /// An id that no message or row has yet.
    pub fn new_id(&self) -> MessageId {
        self.0.engine.new_id()
    }

    /// Runs work beside the server's own until it ends or the server stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(self.0.stop.clone().run_until_cancelled_owned(work));
    }

    /// What is remembered of a relation's set (the followers of a user) is read again before it is used next: for tables that
    /// others change. False where no pack brings the relation.
    pub async fn outdate(&self, relation: &str, to: impl Into<Id>) -> bool {
        self.0.engine.outdate(relation, to.into())
    }

    /// Sends a message as `from` under a key: a repeat is stored and heard once, and answered as the first one was. Of a kept one
    /// that holds as long as it is stored, of another for at least 24 h.
    ///
    /// # Errors
    /// As [`send`](Tidings::send); `key_reused` where the key was used for another message; `not_enabled` where nothing is kept, and
    /// so no key.
    pub async fn send_with_key<M: Message>(&self, message: &M, from: Sender, key: Key) -> Result<Sent, Reject> {
        self.send_request(message, from, Some(key), None).await
    }

    /// Sends JSON as it would come over HTTP.
    ///
    /// # Errors
    /// The refusal, as a client would read it.
    pub async fn send_json(&self, request: SendRequest) -> Result<Sent, Reject> {
        self.0.engine.send(request).await
    }

    /// Whether these users (at most 500) are there, as `asker` may see it: who may not be seen, or chose to be invisible, looks offline.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn presence_for(&self, asker: UserId, users: Vec<UserId>) -> Result<Vec<PresenceInfo>, Reject> {
        self.0.engine.presence(Some(asker), users).await
    }

    /// Asks again whether `asker` may see `user`, and whether they may watch the topics that they watch: for instance because one has
    /// blocked the other. A watch that is not allowed any more ends, and nobody is told of that.
    pub async fn sight_changed(&self, asker: UserId, user: UserId) {
        self.0.engine.sight_changed(asker, user);
    }

    /// Whether the user has a connection, whatever they chose.
    pub async fn is_online(&self, user: UserId) -> bool {
        self.0.engine.is_online(user)
    }

    /// The user's open connections.
    pub async fn connections(&self, user: UserId) -> Vec<ConnectionInfo> {
        self.0.engine.connections(user).await
    }

    /// Whether a person looks at one of the user's connections: so from its opening until it says otherwise (`attention` of
    /// `tidings.v1`), and always for clients of the guide.
    pub async fn is_attentive(&self, user: UserId) -> bool {
        self.0.engine.is_attentive(user).await
    }

    /// Closes the user's connections, and says how many there were. They may come back at once.
    pub async fn disconnect(&self, user: UserId, code: CloseCode) -> usize {
        self.0.engine.disconnect(user, code).await
    }

    /// Signs the user out everywhere: refuses every token and session issued until this second, closes their connections
    /// with 4403, and says how many there were.
    ///
    /// # Errors
    /// `unavailable` where it could not be stored; then nothing was closed.
    pub async fn sign_out(&self, user: UserId) -> Result<usize, Reject> {
        self.0.auth.revoke(user, self.0.engine.clock().now()).await?;
        Ok(self.0.engine.disconnect(user, CloseCode::Revoked).await)
    }

    /// Erases what is kept of a user: signs them out, ends their memberships, and takes away every message that they wrote. A
    /// repeat takes away what a failure has left.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn erase(&self, user: UserId) -> Result<Erasure, Reject> {
        erasure::erase(self, user).await
    }

    /// Makes the user a member of the group, or no longer one, and waits for the commit.
    ///
    /// # Errors
    /// `not_enabled` where groups come from the app's own tables; `unavailable`.
    pub async fn set_member(&self, group: GroupId, user: UserId, member: bool) -> Result<(), Reject> {
        self.0.engine.set_member(group, user, member).await
    }

    /// Whether the user is a member of the group.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn is_member(&self, group: GroupId, user: UserId) -> Result<bool, Reject> {
        self.0.engine.is_member(group, user).await
    }

    /// What the app knows of a user, at most `users.max_age` old ([`ServerOptions`](crate::ServerOptions)); none where there is no such
    /// user, or no port was given ([`App::users`](crate::App::users)).
    ///
    /// # Errors
    /// `unavailable` where the port does not answer.
    pub async fn user(&self, id: UserId) -> Result<Option<Arc<Profile>>, Reject> {
        match &self.0.users {
            Some(users) => users.get(id).await.map_err(refusal),
            None => Ok(None),
        }
    }

    /// Forgets what is remembered of a user: whoever asks next hears what the port says then.
    pub async fn forget_user(&self, id: UserId) {
        if let Some(users) = &self.0.users {
            users.forget(id).await;
        }
    }

    /// Tells the server that something of a user changed in the app's own tables, as `POST /v1/changed` does: whoever needs it next asks
    /// the app. Without it a change is seen when what is remembered has grown old. `other` is who is at the other end of a follow or a
    /// block; without it the change is to be told of both.
    pub async fn changed(&self, user: UserId, other: Option<UserId>, what: &[Changed]) {
        for &what in what {
            changed::forget(self, user, other, what).await;
        }
    }

    /// Tells the server that others belong to a group of the app's own now: its members are read again before they are used next.
    pub async fn group_changed(&self, group: GroupId) {
        self.0.engine.outdate_group(group);
    }

    /// Forgets what is remembered of service keys, so that a key revoked elsewhere is refused at once instead of within 5 s.
    pub fn forget_keys(&self) {
        self.0.auth.forget_keys();
    }

    /// The engine below.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    async fn send_request<M: Message>(
        &self,
        message: &M,
        sender: Sender,
        key: Option<Key>,
        audience: Option<Audience>,
    ) -> Result<Sent, Reject> {
        #[derive(serde::Serialize)]
        struct Typed<'a, M> {
            r#type: &'static str,
            #[serde(flatten)]
            fields: &'a M,
        }
        let body = serde_json::to_vec(&Typed { r#type: M::TYPE, fields: message }).map_err(not_json)?;
        self.0.engine.send(SendRequest { sender, body: body.into(), key, audience }).await
    }
}

/// The refusal of a message whose own serialisation fails.
#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn not_json(error: serde_json::Error) -> Reject {
    Reject::new(Code::BadJson, error.to_string())
}

impl Tidings {
    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// Refuses new upgrades from now on, and closes the WebSockets.
    pub(crate) async fn drain(&self) {
        let Inner { phase, options, engine, .. } = self.inner();
        phase.drain();
        engine.drain(options.drain.spread, options.drain.limit).await;
    }

    /// Asks every task to end, and waits until they did or the drain's limit is over.
    pub(crate) async fn end_tasks(&self) {
        let Inner { stop, tasks, options, .. } = self.inner();
        stop.cancel();
        tasks.close();
        if tokio::time::timeout(options.drain.limit, tasks.wait()).await.is_err() {
            tracing::warn!(tasks = tasks.len(), "tasks are cut off: they did not end in time");
        }
    }
}
