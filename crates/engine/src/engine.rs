//! The engine as the rest of the program sees it: admit a connection, send a message, ask who is online, stop.
use std::{net::SocketAddr, os::fd::OwnedFd, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::value::RawValue;
use tidings_wire::{Audience, CloseCode, ConversationKey, GroupId, Key, MessageId, Reject, Sender, Seq, UserId};

use crate::{
    clock::SharedClock,
    ports::{Groups, MessageStore, StoredMessage},
    registry::Registry,
    settings::Settings,
};

/// What an engine is made of.
pub struct Parts {
    /// The message types.
    pub registry: Registry,
    /// Where kept messages go.
    pub store: Arc<dyn MessageStore>,
    /// Who belongs to a group.
    pub groups: Arc<dyn Groups>,
    /// What tells the time.
    pub clock: SharedClock,
    /// Bounds and times.
    pub settings: Settings,
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {}

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
}

/// A connection whose user is known, ready to be served.
pub struct Admission {
    /// Who it is.
    pub user: UserId,
    /// Which frames it speaks.
    pub dialect: Dialect,
    /// The client's address, as the proxy rules found it.
    pub peer: SocketAddr,
    /// When its credentials end, Unix milliseconds: closed with 4402 then.
    pub expires_at_ms: Option<i64>,
    /// Dropped when the connection has gone, which gives its place in the limits back.
    pub permit: Option<Box<dyn Send>>,
}

/// A message sent by a call instead of a connection.
#[derive(Debug)]
pub struct SendRequest {
    /// Who sends.
    pub sender: Sender,
    /// The JSON object with `type` and the type's fields.
    pub body: Bytes,
    /// Makes a kept one idempotent; wins over a `key` in the body.
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
}

/// What is known of a message type.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// The wire name.
    pub name: &'static str,
    /// The version.
    pub version: u16,
    /// Whether it is stored (as configured).
    pub kept: bool,
    /// The golden JSON Schema.
    pub schema: serde_json::Value,
}

impl Engine {
    /// Starts the store, the shards and the dispatcher.
    ///
    /// # Errors
    /// Where the store does not open, or a thread or descriptor can't be had.
    pub fn start(parts: Parts) -> Result<Self, StartError> {
        let _ = parts;
        todo!()
    }

    /// Hands over a socket whose upgrade was answered with 101, with the bytes that were read behind the request. False
    /// (and the socket is closed) when the engine is stopping.
    pub fn admit(&self, socket: OwnedFd, already_read: Bytes, admission: Admission) -> bool {
        let _ = (socket, already_read, admission);
        todo!()
    }

    /// Sends a message as if from a connection, and waits until it is committed (kept types) or handed to the shards.
    ///
    /// # Errors
    /// The refusal, as a client would read it.
    pub async fn send(&self, request: SendRequest) -> Result<Sent, Reject> {
        let _ = request;
        todo!()
    }

    /// Whether the user has a connection.
    pub fn is_online(&self, user: UserId) -> bool {
        let _ = user;
        todo!()
    }

    /// Connections open now.
    pub fn connection_count(&self) -> usize {
        todo!()
    }

    /// The user's open connections.
    pub async fn connections(&self, user: UserId) -> Vec<ConnectionInfo> {
        let _ = user;
        todo!()
    }

    /// Closes all of the user's connections, and says how many there were.
    pub async fn disconnect(&self, user: UserId, code: CloseCode) -> usize {
        let _ = (user, code);
        todo!()
    }

    /// Makes the user a member of the group, or no longer one, and waits for the commit.
    ///
    /// # Errors
    /// `not_enabled` where groups come from the app's own tables; `unavailable`.
    pub async fn set_member(&self, group: GroupId, user: UserId, member: bool) -> Result<(), Reject> {
        let _ = (group, user, member);
        todo!()
    }

    /// Whether the user is a member of the group.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn is_member(&self, group: GroupId, user: UserId) -> Result<bool, Reject> {
        let _ = (group, user);
        todo!()
    }

    /// The ports.
    pub fn store(&self) -> &Arc<dyn MessageStore> {
        todo!()
    }

    /// Who belongs to a group.
    pub fn groups(&self) -> &Arc<dyn Groups> {
        todo!()
    }

    /// What tells the time.
    pub fn clock(&self) -> &SharedClock {
        todo!()
    }

    /// The registered types, by name.
    pub fn types(&self) -> Vec<TypeInfo> {
        todo!()
    }

    /// A stored message as its reader gets it over HTTP; none where its type can't read it any more.
    pub fn render(&self, message: &StoredMessage, reader: Option<UserId>) -> Option<Box<RawValue>> {
        let _ = (message, reader);
        todo!()
    }

    /// Closes every connection with 1012, evenly over `spread`, and waits until they are gone or `limit` is over.
    pub async fn drain(&self, spread: Duration, limit: Duration) {
        let _ = (spread, limit);
        todo!()
    }

    /// Commits what was submitted, delivers it, and ends the threads. Blocks.
    pub fn stop(&self) {
        todo!()
    }
}
