//! `GET /v1/users/{user}/export`: all that is kept of a user, as a stream of JSON lines.

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::header;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_engine::{
    act::CommitNumber,
    ports::{Before, ConversationPage, Line, Scope},
};
use tidings_wire::{ConversationKey, Reject, Seq, UserId};
use utoipa::ToSchema;

use super::schema::{Id, Refused, RefusedOff};
use crate::{
    auth::Caller,
    extract::{Segments, id},
    handle::Tidings,
    keeper::Exported,
    problem::{Problem, unavailable},
};

/// Conversations and messages read at once: the next page is read when the client has taken this one.
const PAGE: u32 = 100;

/// One line.
#[derive(Serialize, ToSchema)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Record {
    /// The first.
    User {
        #[schema(value_type = Id)]
        user: UserId,
        /// Unix seconds.
        exported_at: i64,
        /// Whether others learn how far this user has read.
        receipts: bool,
        /// Whether others learn when this user is online.
        visible: bool,
        /// When they were last there for others' eyes, Unix seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_seen: Option<i64>,
    },
    /// A conversation that the user is or was in.
    Conversation {
        #[schema(value_type = String, example = "dm:2:7")]
        conversation: ConversationKey,
        /// The highest seq that the user can see.
        head: Seq,
        /// How far the user has read.
        read: Seq,
        /// Unix seconds.
        touched_at: i64,
        /// Until when the user has muted it, Unix seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        muted_until: Option<i64>,
    },
    /// What the user wrote, in the order of writing.
    Message {
        /// As it stands in its conversation.
        #[schema(value_type = Object)]
        message: Box<RawValue>,
    },
    /// The last: without it the export broke off.
    End,
}

/// Why an export breaks off.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Streams what is kept of a user: the conversations they are or were in with their read marks, every message that they wrote, and
/// what packs keep of them, in records of other names: of the social pack `profile`, `post`, `comment`, `like`, `share`, `following`,
/// `follower`, `block`, `mute`.
/// Lines of JSON, of which the last is `{"record":"end"}`; without that one the export broke off.
#[utoipa::path(
    get,
    path = "/{user}/export",
    tag = "backend",
    params(("user" = Id, Path)),
    security(("service" = ["read"])),
    responses(
        (status = 200, body = inline(Record), content_type = "application/x-ndjson"),
        Refused,
        RefusedOff
    )
)]
pub(crate) async fn export(
    State(tidings): State<Tidings>,
    caller: Caller,
    Segments(user): Segments<String>,
) -> Result<Response, Problem> {
    caller.require(Scope::Read)?;
    let user: UserId = id("user", &user)?;
    let engine = tidings.engine();
    // Read before the answer begins, so that a store that keeps nothing or does not answer is told by the status.
    let first = engine.store().conversations(user, None, PAGE).await.map_err(unavailable)?;
    let choices = engine.store().choices(user).await.map_err(unavailable)?;
    let last_seen = engine.store().last_seen(vec![user]).await.map_err(unavailable)?.first().map(|(_, at)| *at);
    let (exported_at, receipts, visible) = (engine.clock().now().unix(), choices.receipts, choices.visible);
    let head = line(&Record::User { user, exported_at, receipts, visible, last_seen });
    let export = Export { tidings, user };
    let pages = stream::try_unfold((export, Step::Conversations(head, first)), async |(export, step)| {
        let next = export.next(step).await.inspect_err(|error| {
            tracing::warn!(error = &**error as &dyn std::error::Error, "an export broke off");
        })?;
        Ok::<_, Broken>(next.map(|(bytes, step)| (bytes, (export, step))))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(pages)).into_response())
}

struct Export {
    tidings: Tidings,
    user: UserId,
}

/// What is written next.
enum Step {
    /// Behind what is written already, a page of conversations.
    Conversations(Vec<u8>, ConversationPage),
    /// Messages after a commit.
    Messages(CommitNumber),
    /// What the pack of this number keeps.
    Pack(usize),
    /// More of it.
    More(usize, BoxStream<'static, Result<Vec<Exported>, Reject>>),
    Done,
}

impl Export {
    /// The next lines, at least one: an empty piece would say nothing.
    async fn next(&self, mut step: Step) -> Result<Option<(Bytes, Step)>, Broken> {
        while let Some((lines, next)) = self.step(step).await? {
            if !lines.is_empty() {
                return Ok(Some((lines.into(), next)));
            }
            step = next;
        }
        Ok(None)
    }

    async fn step(&self, step: Step) -> Result<Option<(Vec<u8>, Step)>, Broken> {
        let engine = self.tidings.engine();
        let store = engine.store();
        match step {
            Step::Conversations(mut lines, page) => {
                for listed in &page.conversations {
                    let (conversation, head, read) = (listed.conversation, listed.head, listed.read);
                    let (touched_at, muted_until) = (listed.touched_at, listed.muted_until);
                    let record = Record::Conversation { conversation, head, read, touched_at, muted_until };
                    lines.extend(line(&record));
                }
                let last = page.conversations.last().map(|last| Before::Conversation(last.conversation));
                let step = match last.filter(|_| page.more) {
                    Some(last) => {
                        Step::Conversations(Vec::new(), store.conversations(self.user, Some(last), PAGE).await?)
                    }
                    None => Step::Messages(CommitNumber::default()),
                };
                Ok(Some((lines, step)))
            }
            Step::Messages(after) => {
                let written = store.written_by(self.user, after, PAGE).await?;
                let last = written.last().map(|(commit, _)| *commit);
                let mut lines = Vec::new();
                for (_, message) in written {
                    let (conversation, of) = (message.conversation, Line::Message(message));
                    let message = engine.render(conversation, &of, Some(self.user));
                    lines.extend(line(&Record::Message { message }));
                }
                Ok(Some((lines, last.map_or(Step::Pack(0), Step::Messages))))
            }
            Step::Pack(number) => Ok(Some(match self.tidings.inner().keepers.get(number) {
                Some(keeper) => (Vec::new(), Step::More(number, keeper.export(&self.tidings, self.user))),
                None => (line(&Record::End), Step::Done),
            })),
            Step::More(number, mut pages) => Ok(Some(match pages.next().await.transpose()? {
                Some(page) => (page.iter().flat_map(line).collect(), Step::More(number, pages)),
                None => (Vec::new(), Step::Pack(number + 1)),
            })),
            Step::Done => Ok(None),
        }
    }
}

fn line(record: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(record).expect("strings and numbers always serialise");
    line.push(b'\n');
    line
}
