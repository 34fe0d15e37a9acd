//! The engine as the rest of the program sees it: admit a connection, send a message, ask who is online, stop.

use std::{
    borrow::Cow,
    net::SocketAddr,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use serde_json::value::RawValue;
use tidings_wire::{
    Audience, CloseCode, ConversationKey, GroupId, Id, Keep, Key, Limit, MessageId, Reject, Sender, Senders, Seq,
    UserId,
    client_frames::{Delete, Edit},
};

use crate::{
    abort,
    act::{ReadMark, Row, Value},
    call,
    clock::SharedClock,
    deed::{self, Deed, Done},
    dispatcher, driver,
    guest::Guest,
    handle::refusal,
    hello::Hello,
    node::{Node, Post},
    notices::{self, Notifications},
    poll::Prepared,
    ports::{
        Choices, ConversationSummary, Credentials, Groups, Inbox, InboxChange, Line, MessageStore, Reader, Relation,
        Topics, Visibility,
    },
    publish::Publish,
    registry::{Registry, TypeDescription},
    rollout::{Rollout, RolloutInForce},
    services::Services,
    settings::{MAX_SHARDS, Settings},
    shard::{Letter, Mail},
};

/// What an engine is made of.
pub struct Parts {
    /// The message types.
    pub registry: Registry,
    /// Where kept messages go.
    pub store: Arc<dyn MessageStore>,
    /// Who belongs to a group.
    pub groups: Arc<dyn Groups>,
    /// The relations that audiences may name, each by its name.
    pub relations: Vec<(&'static str, Arc<dyn Relation>)>,
    /// What tells the time.
    pub clock: SharedClock,
    /// Who checks the tokens that open connections bring.
    pub credentials: Arc<dyn Credentials>,
    /// Who may see whether somebody is online.
    pub visibility: Arc<dyn Visibility>,
    /// Who may watch a topic.
    pub topics: Arc<dyn Topics>,
    /// What keeps notifications, if anything does.
    pub notifications: Notifications,
    /// Bounds and times.
    pub settings: Settings,
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Running>);

struct Running {
    node: Node,
    dispatcher: dispatcher::Running,
    shards: Mutex<Vec<JoinHandle<()>>>,
    /// Connections handed to each shard, those on their way included, so that new ones go to the least loaded.
    handed: Vec<Arc<AtomicUsize>>,
    stopping: AtomicBool,
}

/// The engine did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store did not open.
    #[error("start the store")]
    Store(#[source] crate::ports::StoreError),
    /// A thread, poll or descriptor could not be made.
    #[error("start the shards")]
    Shards(#[source] std::io::Error),
}

/// Which frames a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// No subprotocol: the guide's clients.
    Guide,
    /// The subprotocol of this name.
    V1,
}

/// A connection whose user is known, ready to be served.
pub struct Admission {
    /// Who it is, and from where.
    pub guest: Guest,
    /// Which frames it speaks.
    pub dialect: Dialect,
    /// When its credentials end, Unix milliseconds: closed with 4402 then.
    pub expires_at_ms: Option<i64>,
    /// What the client said first; its `welcome` answers it. Of [`Dialect::V1`] alone.
    pub hello: Option<Hello>,
    /// Written before all else: the 101 response, so that whoever has read it is online already. Empty where it was written
    /// before.
    pub greeting: Bytes,
}

/// A message sent by a call instead of a connection.
#[derive(Debug)]
pub struct SendRequest {
    /// Who sends.
    pub sender: Sender,
    /// The JSON object with `type` and the type's fields.
    pub body: Bytes,
    /// Makes it idempotent, kept or not; wins over a `key` in the body, which is that of a kept one.
    pub key: Option<Key>,
    /// Instead of the type's own audience: services only. Checked by the caller.
    pub audience: Option<Audience>,
}

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub id: MessageId,
    /// Unix seconds.
    pub timestamp: i64,
    /// Where a kept one stands.
    pub place: Option<(ConversationKey, Seq)>,
    /// Whether the key was known.
    pub duplicate: bool,
}

/// One open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its name while the server runs.
    pub id: String,
    /// The client's address.
    pub peer: SocketAddr,
    /// Which frames it speaks.
    pub dialect: Dialect,
    /// Unix seconds.
    pub since: i64,
    /// Whether a person looks at it: so until it says otherwise, which only [`Dialect::V1`] can.
    pub attentive: bool,
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceInfo {
    /// Who.
    pub user: UserId,
    /// Whether they are there, for whoever asked.
    pub online: bool,
    /// When their last connection went, Unix seconds; none while online, and where it is not known.
    pub last_seen: Option<i64>,
}

/// What is known of a message type, as it is configured.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// The wire name.
    pub name: &'static str,
    /// The version.
    pub version: u16,
    /// Whether it is stored.
    pub kept: bool,
    /// How long it is stored.
    pub keep: Keep,
    /// Whether it belongs to a conversation.
    pub stream: bool,
    /// Who may send it.
    pub senders: Senders,
    /// How many of it a user may send.
    pub limit: Limit,
    /// For whom it is on now.
    pub rollout: RolloutInForce,
    /// The golden JSON Schema.
    pub schema: serde_json::Value,
}

impl Engine {
    /// Starts the store, the shards and the dispatcher.
    ///
    /// # Errors
    /// Where the store does not open, or a thread or descriptor can't be had.
    pub fn start(parts: Parts) -> Result<Self, StartError> {
        let (sink, dispatcher) = dispatcher::channel();
        let start = parts.store.start(sink.clone()).map_err(StartError::Store)?;
        let count = parts.settings.shards.clamp(1, MAX_SHARDS);
        let polls: Vec<_> =
            (0..count).map(|_| Prepared::new()).collect::<Result<_, _>>().map_err(StartError::Shards)?;
        let wakes = polls.iter().map(Prepared::wake).collect();
        let node = Node::new(parts, &start, wakes).map_err(StartError::Shards)?;
        let dispatcher = dispatcher.start(node.clone(), &sink, start.last_commit).map_err(StartError::Shards)?;
        let mut shards = Vec::new();
        let handed: Vec<Arc<AtomicUsize>> = (0..count).map(|_| Arc::default()).collect();
        for (id, poll) in polls.into_iter().enumerate() {
            let (node, handed) = (node.clone(), handed[id].clone());
            let work = move || {
                if let Err(error) = driver::run(poll, node, id as u16, handed) {
                    tracing::error!(shard = id, %error, "a shard ended: its poll does not answer");
                    std::process::abort();
                }
            };
            let thread = std::thread::Builder::new().name(format!("shard-{id}"));
            shards.push(thread.spawn(move || abort::on_panic("shard", work)).map_err(StartError::Shards)?);
        }
        let shards = Mutex::new(shards);
        Ok(Self(Arc::new(Running { node, dispatcher, shards, handed, stopping: AtomicBool::new(false) })))
    }

    /// Hands over a socket whose upgrade is granted, with the bytes that were read behind the request. False (and the socket
    /// is closed) when the engine is stopping.
    ///
    /// The socket must be non-blocking, and of a stream kind: TCP, or one end of a socket pair.
    pub fn admit(&self, socket: OwnedFd, already_read: Bytes, admission: Admission) -> bool {
        if self.0.stopping.load(Ordering::SeqCst) {
            return false;
        }
        let loads = self.0.handed.iter().map(|count| count.load(Ordering::Relaxed));
        let least = loads.enumerate().min_by_key(|&(_, load)| load).map_or(0, |(id, _)| id);
        self.0.handed[least].fetch_add(1, Ordering::Relaxed);
        let arrival = driver::Arrival { socket, already_read, admission };
        self.0.node.mailboxes()[least].push(Post::Admit(Box::new(arrival)));
        true
    }

    /// Sends a message as if from a connection, and waits until it is committed (kept types, handlers' writes) or handed to
    /// the shards.
    ///
    /// # Errors
    /// The refusal, as a client would read it.
    pub async fn send(&self, request: SendRequest) -> Result<Sent, Reject> {
        call::send(&self.0.node, request).await
    }

    /// Commits statements of a pack or the app, and says what came of them once that is on disk and others are on their way to hear
    /// of it.
    ///
    /// # Errors
    /// What a statement refuses; `not_enabled` where the store runs no SQL or a relation is unknown; `unavailable`.
    pub async fn commit(&self, deed: Deed) -> Result<Done, Reject> {
        deed::commit(&self.0.node, deed).await
    }

    /// Delivers a message to those who are connected, whoever may send its type; nothing of it is stored or counted against a limit.
    ///
    /// # Errors
    /// `unknown_type`, `too_large`; `not_enabled` where it names a relation that nobody brought; `unavailable`.
    pub async fn publish(&self, message: Publish) -> Result<Sent, Reject> {
        deed::publish(&self.0.node, message).await
    }

    /// Sends a user's connections a change of their inbox. Of one user they are told one after another, ascending, each after its
    /// commit: see [`Inbox`](crate::ports::Inbox).
    ///
    /// # Errors
    /// `unavailable` where there is no room: it was sent to none of them, and is to be told again.
    pub fn tell_inbox(&self, user: UserId, change: &InboxChange) -> Result<(), Reject> {
        notices::tell(&self.0.node, user, change)
    }

    /// What keeps notifications, if anything does.
    pub fn inbox(&self) -> Option<Arc<dyn Inbox>> {
        self.services().notifications.inbox.clone()
    }

    /// Members of a group in ascending order of their ids, above `after`, at most `limit` (1,000): read from where they are kept, not from
    /// memory. A page shorter than `limit` is the last.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn members_page(&self, group: GroupId, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, Reject> {
        deed::members_page(self.services(), group, after, limit).await
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
        deed::related_page(self.services(), (relation, to), after, limit).await
    }

    /// Rows of the packs' tables: one reading statement, at most 1,000 rows.
    ///
    /// # Errors
    /// `unavailable`; `not_enabled` where the store runs no SQL.
    pub async fn query(&self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Result<Vec<Row>, Reject> {
        deed::query(self.services(), sql.into(), values).await
    }

    /// An id that no message or row has yet.
    pub fn new_id(&self) -> MessageId {
        let services = self.services();
        services.ids.next(services.clock.now())
    }

    /// What is remembered of a set of a relation is read again before it is used next. False where nobody brought the relation.
    pub fn outdate(&self, relation: &str, to: Id) -> bool {
        self.0.node.outdate(relation, to)
    }

    /// What is remembered of a group's members is read again before it is used next.
    pub fn outdate_group(&self, group: GroupId) {
        self.services().members.outdate(group.into());
    }

    /// Gives a stored message another body (the type's fields, a JSON object), as if from a connection, and waits for the commit.
    /// Its handler decides about it again. The answer is the event's id and place.
    ///
    /// # Errors
    /// `not_found`; `not_allowed` where the sender is a user and not the message's; what the handler says; `unavailable`.
    pub async fn edit(
        &self,
        sender: Sender,
        conversation: ConversationKey,
        seq: Seq,
        body: Box<RawValue>,
    ) -> Result<Sent, Reject> {
        call::edit(&self.0.node, sender, Edit { reference: None, conversation, seq, body }).await
    }

    /// Takes a stored message's body away, and waits for the commit. The answer is the event's id and place.
    ///
    /// # Errors
    /// `not_found`; `not_allowed` where the sender is a user and not the message's; `unavailable`.
    pub async fn delete(&self, sender: Sender, conversation: ConversationKey, seq: Seq) -> Result<Sent, Reject> {
        call::delete(&self.0.node, sender, Delete { reference: None, conversation, seq }).await
    }

    /// The user has read a conversation up to a seq: waits for the commit, and says where the mark stands then. It only moves
    /// forward; above the head counts as the head.
    ///
    /// # Errors
    /// `not_found` where the user sees nothing of it; `unavailable`.
    pub async fn read_up_to(&self, user: UserId, conversation: ConversationKey, seq: Seq) -> Result<ReadMark, Reject> {
        call::read_up_to(&self.0.node, user, conversation, seq).await
    }

    /// Mutes a conversation for a user until a Unix second, or not any more. It changes nothing of what is delivered: whoever
    /// notifies goes by it.
    ///
    /// # Errors
    /// `not_found` where the user sees nothing of it; `limited` as for what connections ask; `not_enabled` where nothing is kept;
    /// `unavailable`.
    pub async fn mute(&self, user: UserId, conversation: ConversationKey, until: Option<i64>) -> Result<(), Reject> {
        call::mute(self.services(), user, conversation, until).await
    }

    /// Whether the user has a connection.
    pub fn is_online(&self, user: UserId) -> bool {
        self.services().directory.is_online(user)
    }

    /// Whether these users (at most 500) are there. For a user as far as each lets them see it, as a watch tells it: who left a
    /// moment ago is still there, and whoever may not be seen looks as if they were never there. For the app itself (`asker` is
    /// none) as it is.
    ///
    /// # Errors
    /// `unavailable`, for a user.
    pub async fn presence(&self, asker: Option<UserId>, users: Vec<UserId>) -> Result<Vec<PresenceInfo>, Reject> {
        call::presence(self.services(), asker, users).await
    }

    /// Asks again whether `asker` may see `user`, for instance because one has blocked the other: the asker's connections that watch
    /// the user are told what they may see now.
    pub fn sight_changed(&self, asker: UserId, user: UserId) {
        call::sight_changed(&self.0.node, asker, user);
    }

    /// Nothing is known any more of when the user was last there, nor kept. Their connections are to be closed before.
    pub fn forget_last_seen(&self, user: UserId) {
        self.0.node.stirred(self.services().presence.forget(user));
    }

    /// What a user chose for themselves.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn choices(&self, user: UserId) -> Result<Choices, Reject> {
        self.services().store.choices(user).await.map_err(refusal)
    }

    /// Changes what a user chose, where something is given, and says what holds now. Whoever watches the user is told at once.
    ///
    /// # Errors
    /// `not_enabled` where nothing is kept; `unavailable`.
    pub async fn choose(&self, user: UserId, receipts: Option<bool>, visible: Option<bool>) -> Result<Choices, Reject> {
        call::choose(&self.0.node, user, receipts, visible).await
    }

    /// Connections open now.
    pub fn connection_count(&self) -> usize {
        self.services().directory.connections()
    }

    /// The user's open connections.
    pub async fn connections(&self, user: UserId) -> Vec<ConnectionInfo> {
        let lists = call::ask(&self.0.node, |answer| Letter::List(user, answer)).await;
        lists.into_iter().flatten().collect()
    }

    /// Whether a person looks at one of the user's connections, as far as these have said.
    pub async fn is_attentive(&self, user: UserId) -> bool {
        call::is_attentive(&self.0.node, user).await
    }

    /// Closes all of the user's connections, those too that are on their way to their shard, and says how many there were.
    pub async fn disconnect(&self, user: UserId, code: CloseCode) -> usize {
        call::ask(&self.0.node, |answer| Letter::Close(user, code, answer)).await.into_iter().sum()
    }

    /// Makes the user a member of the group, or no longer one, and waits for the commit.
    ///
    /// # Errors
    /// `not_enabled` where groups come from the app's own tables; `unavailable`.
    pub async fn set_member(&self, group: GroupId, user: UserId, member: bool) -> Result<(), Reject> {
        call::set_member(&self.0.node, group, user, member).await
    }

    /// Whether the user is a member of the group.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn is_member(&self, group: GroupId, user: UserId) -> Result<bool, Reject> {
        self.services().members.contains(group, user).await.map_err(refusal)
    }

    /// Where kept messages are.
    pub fn store(&self) -> &Arc<dyn MessageStore> {
        &self.services().store
    }

    /// Who belongs to a group.
    pub fn groups(&self) -> &Arc<dyn Groups> {
        &self.services().groups
    }

    /// Bounds and times.
    pub fn settings(&self) -> &Settings {
        &self.services().settings
    }

    /// What tells the time.
    pub fn clock(&self) -> &SharedClock {
        &self.services().clock
    }

    /// The registered types, by name.
    pub fn types(&self) -> Vec<TypeInfo> {
        let settings = &self.services().settings;
        let mut types: Vec<_> = self.services().registry.types();
        if !settings.keep {
            types.iter_mut().for_each(|info| (info.kept, info.keep) = (false, Keep::Never));
        }
        types
    }

    /// What a type tells of itself by an example; none where there is no such type.
    pub fn describe(&self, kind: &str) -> Option<TypeDescription> {
        self.services().registry.describe(kind)
    }

    /// For whom a type is on now; none where there is no such type.
    pub fn rollout(&self, kind: &str) -> Option<RolloutInForce> {
        self.services().registry.get(kind).map(|entry| entry.rollout.in_force())
    }

    /// Says for whom a type is on, or takes back what was said so, and what holds then; none where there is no such type. It is
    /// not stored here. Every shard goes by it at once; a message that is being received goes by what was or what is.
    pub fn set_rollout(&self, kind: &str, rollout: Option<Rollout>) -> Option<RolloutInForce> {
        let entry = self.services().registry.get(kind)?;
        entry.rollout.set(rollout);
        Some(entry.rollout.in_force())
    }

    /// As whom the store is asked for a user's view of a stream; none where the user may not see it: of a group from the app's own
    /// tables a member sees all.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn reader_of(&self, conversation: ConversationKey, user: UserId) -> Result<Option<Reader>, Reject> {
        self.services().reader_of(conversation, user).await.map_err(refusal)
    }

    /// A line of a page as its reader gets it over HTTP.
    pub fn render(&self, conversation: ConversationKey, line: &Line, reader: Option<UserId>) -> Box<RawValue> {
        let style = crate::render::Style { reader, user_id: true, replayed: false };
        crate::render::raw(&self.services().registry, conversation, line, style)
    }

    /// A conversation as it stands in a user's list.
    pub fn render_summary(&self, user: UserId, summary: &ConversationSummary) -> Box<RawValue> {
        let style = crate::render::Style { reader: Some(user), user_id: true, replayed: false };
        crate::render::summary(&self.services().registry, summary, style)
    }

    /// Closes every connection with 1012, evenly over `spread`, and waits until they are gone or `limit` is over.
    pub async fn drain(&self, spread: Duration, limit: Duration) {
        for mailbox in self.0.node.mailboxes() {
            mailbox.push(Post::Mail(Mail(Letter::Drain(spread))));
        }
        let gone = async {
            while self.0.handed.iter().any(|count| count.load(Ordering::Relaxed) > 0) {
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        // Those that are left are cut off by `stop`.
        let _ = tokio::time::timeout(limit, gone).await;
    }

    /// Commits what was submitted, delivers it, and ends the threads. Blocks. Calls that come later, or still wait, are answered
    /// `unavailable`; nobody is connected any more.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.services().presence.see_all_off(self.services().clock.now());
        self.0.node.save_seen(usize::MAX);
        let unsaved = self.services().presence.unsaved();
        if unsaved > 0 {
            tracing::warn!(users = unsaved, "the store has no room for when these users were last seen: it is lost");
        }
        self.services().store.stop();
        self.0.dispatcher.stop();
        for mailbox in self.0.node.mailboxes() {
            mailbox.push(Post::Stop);
        }
        let shards = self.0.shards.lock().map(|mut shards| std::mem::take(&mut *shards)).unwrap_or_default();
        for shard in shards {
            // A shard that panicked has ended the process.
            let _ = shard.join();
        }
        self.0.node.close();
    }

    fn services(&self) -> &Services {
        self.0.node.services()
    }
}

/// How often a drain looks whether all connections have gone.
const DRAIN_POLL: Duration = Duration::from_millis(10);
