//! What packs keep of users: a hook, so that one look at `/v1/me`, one export and one erasure reach all of it.

use futures_util::stream::BoxStream;
use serde::Serialize;
use serde_json::{Map, Value};
use tidings_engine::ports::BoxFuture;
use tidings_wire::{Reject, UserId};

use crate::handle::Tidings;

/// What a pack keeps of users, beside messages: fields that `/v1/me` shows and changes, what an export
/// shows, and what goes with an erasure.
///
/// Any of the server's threads may call, several at a time.
pub trait Keeper: Send + Sync + 'static {
    /// The pack's fields of `GET /v1/me`; none unless it says otherwise. They must not have the names of the server's own (`user`, `credential`, `receipts` …).
    ///
    /// # Errors
    /// `unavailable`.
    fn shown(&self, tidings: &Tidings, user: UserId) -> BoxFuture<Result<Map<String, Value>, Reject>> {
        let _ = (tidings, user);
        Box::pin(std::future::ready(Ok(Map::new())))
    }

    /// Changes those of the pack's fields, if it has any, that stand in the body of `PATCH /v1/me`; what else stands there is others'. Called before
    /// the server's own choices are changed.
    ///
    /// # Errors
    /// `bad_field`, with nothing changed; `not_enabled` where a field is there and the app keeps it; `unavailable`.
    fn change(&self, tidings: &Tidings, user: UserId, asked: &Map<String, Value>) -> BoxFuture<Result<(), Reject>> {
        let _ = (tidings, user, asked);
        Box::pin(std::future::ready(Ok(())))
    }

    /// All of it, for `GET /v1/users/{user}/export`, in pages: each is a line or some hundreds, and the next is asked for when the client
    /// has taken this one. An error breaks the export off, which its client sees. Whoever asks may go away: then the rest is never
    /// asked for.
    ///
    /// # Errors
    /// `unavailable`.
    fn export(&self, tidings: &Tidings, user: UserId) -> BoxStream<'static, Result<Vec<Exported>, Reject>>;

    /// Erases all of it, after the user was signed out and before their messages go. Called again it takes away what a failure
    /// has left.
    ///
    /// # Errors
    /// `unavailable`.
    fn erase(&self, tidings: &Tidings, user: UserId) -> BoxFuture<Result<(), Reject>>;
}

/// A line of an export: what it is, and its fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exported {
    /// The word of its `record`: not one of the server's own (`user`, `conversation`, `message`, `end`).
    pub record: &'static str,
    /// What stands beside it.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}
