//! What a backend with a service key does: the same calls that HTTP makes.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tidings_engine::{
    ConnectionInfo, PresenceInfo, SendRequest, Sent,
    ports::{Choices, InboxChange},
};
use tidings_wire::{Audience, CloseCode, GroupId, Id, Key, Message, Reject, Sender, UserId};

use super::machine::{Patience, World};
use crate::{memory::MemoryInbox, received};

/// The name of the backend's service key.
const SERVICE: &str = "testkit";

/// A backend. Its calls run the world until they are answered.
pub struct Backend {
    world: World,
}

/// A call that was begun and may not be answered yet.
pub struct Pending<T> {
    world: World,
    call: BoxFuture<'static, T>,
}

impl Backend {
    pub(super) fn new(world: World) -> Self {
        Self { world }
    }

    /// Sends a message for a user, or for nobody.
    ///
    /// # Errors
    /// The refusal.
    pub fn send<M: Message>(&self, from: Option<UserId>, message: &M) -> Result<Sent, Reject> {
        self.begins_send(from, message, None).answer()
    }

    /// Sends a message to others than its own audience.
    ///
    /// # Errors
    /// The refusal.
    pub fn send_to<M: Message>(&self, audience: Audience, message: &M) -> Result<Sent, Reject> {
        self.request(None, received::to_json(message), None, Some(audience)).answer()
    }

    /// Sends a message under a key, and does not wait.
    pub fn begins_send<M: Message>(
        &self,
        from: Option<UserId>,
        message: &M,
        key: Option<Key>,
    ) -> Pending<Result<Sent, Reject>> {
        self.request(from, received::to_json(message), key, None)
    }

    /// Posts a body for a user who is there with a token instead of a connection, whatever it says.
    ///
    /// # Errors
    /// The refusal.
    pub fn posts(&self, user: UserId, body: &[u8]) -> Result<Sent, Reject> {
        let request = SendRequest {
            sender: Sender::user_only(user),
            body: Bytes::copy_from_slice(body),
            key: None,
            audience: None,
        };
        let call = self.world.state().simulation.send(request);
        Pending::begin(self.world.clone(), call).answer()
    }

    /// Makes the user a member of the group, or no longer one.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn set_member(&self, group: GroupId, user: UserId, member: bool) {
        self.begins_set_member(group, user, member).answer().expect("the membership is changed");
    }

    /// Makes them all members of the group.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn adds(&self, group: GroupId, users: impl IntoIterator<Item = UserId>) {
        users.into_iter().for_each(|user| self.set_member(group, user, true));
    }

    /// Changes a membership, and does not wait.
    pub fn begins_set_member(&self, group: GroupId, user: UserId, member: bool) -> Pending<Result<(), Reject>> {
        let call = self.world.state().simulation.set_member(group, user, member);
        Pending::begin(self.world.clone(), call)
    }

    /// Closes the user's connections, and says how many there were.
    pub fn disconnects(&self, user: UserId, code: CloseCode) -> usize {
        let call = self.world.state().simulation.disconnect(user, code);
        Pending::begin(self.world.clone(), call).answer()
    }

    /// The user's open connections.
    pub fn connections(&self, user: UserId) -> Vec<ConnectionInfo> {
        let call = self.world.state().simulation.connections(user);
        Pending::begin(self.world.clone(), call).answer()
    }

    /// Whether a person looks at one of the user's connections.
    pub fn is_attentive(&self, user: UserId) -> bool {
        let call = self.world.state().simulation.is_attentive(user);
        Pending::begin(self.world.clone(), call).answer()
    }

    /// Sends the user's connections a change of their inbox.
    ///
    /// # Errors
    /// `unavailable` where a shard has no room.
    pub fn tells_inbox(&self, user: UserId, change: &InboxChange) -> Result<(), Reject> {
        let told = self.world.state().simulation.tell_inbox(user, change);
        self.world.run();
        told
    }

    /// Tells of everything that changed in these inboxes and was not told yet.
    ///
    /// # Panics
    /// Where a shard has no room.
    pub fn tells_all(&self, inbox: &MemoryInbox) {
        for (user, change) in inbox.take_untold() {
            self.tells_inbox(user, &change).expect("there is room");
        }
    }

    /// Whether users are there, as `asker` sees it; for none as it is.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn presence(&self, asker: Option<UserId>, users: Vec<UserId>) -> Vec<PresenceInfo> {
        let call = self.world.state().simulation.presence(asker, users);
        Pending::begin(self.world.clone(), call).answer().expect("it is known who is there")
    }

    /// Changes what the user chose: whether others learn how far they have read, and whether they are online.
    ///
    /// # Errors
    /// The refusal.
    pub fn chooses(&self, user: UserId, receipts: Option<bool>, visible: Option<bool>) -> Result<Choices, Reject> {
        self.begins_choosing(user, receipts, visible).answer()
    }

    /// The same, and does not wait.
    pub fn begins_choosing(
        &self,
        user: UserId,
        receipts: Option<bool>,
        visible: Option<bool>,
    ) -> Pending<Result<Choices, Reject>> {
        let call = self.world.state().simulation.choose(user, receipts, visible);
        Pending::begin(self.world.clone(), call)
    }

    /// Has it asked again whether `asker` may see `user`.
    pub fn sight_changed(&self, asker: UserId, user: UserId) {
        self.world.state().simulation.sight_changed(asker, user);
        self.world.run();
    }

    /// What is remembered of a relation's set is read again before it is used next. False where there is no such relation.
    pub fn outdate(&self, relation: &str, to: impl Into<Id>) -> bool {
        let known = self.world.state().simulation.outdate(relation, to.into());
        self.world.run();
        known
    }

    fn request(
        &self,
        from: Option<UserId>,
        body: Vec<u8>,
        key: Option<Key>,
        audience: Option<Audience>,
    ) -> Pending<Result<Sent, Reject>> {
        let sender = Sender::service(SERVICE.into(), from);
        let request = SendRequest { sender, body: Bytes::from(body), key, audience };
        let call = self.world.state().simulation.send(request);
        Pending::begin(self.world.clone(), call)
    }
}

impl<T: Send + 'static> Pending<T> {
    /// Takes it as far as it goes now.
    fn begin(world: World, call: BoxFuture<'static, T>) -> Self {
        let mut pending = Self { world, call };
        if let Some(answer) = pending.poll(Patience::None) {
            pending.call = Box::pin(std::future::ready(answer));
        }
        pending
    }

    /// The answer.
    ///
    /// # Panics
    /// Where there is none yet, and nothing but time could bring it.
    #[track_caller]
    pub fn answer(mut self) -> T {
        self.poll(Patience::Threads).expect("the call is answered")
    }

    /// Whether the answer is still out.
    pub fn is_open(&mut self) -> bool {
        match self.poll(Patience::None) {
            Some(answer) => {
                self.call = Box::pin(std::future::ready(answer));
                false
            }
            None => true,
        }
    }

    fn poll(&mut self, patience: Patience) -> Option<T> {
        let world = self.world.clone();
        world.poll(patience, |context| self.call.as_mut().poll(context))
    }
}
