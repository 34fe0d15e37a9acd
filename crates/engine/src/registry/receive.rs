//! The erasure of a message type: bytes in, a draft out. What is generic ends here.

use std::{marker::PhantomData, panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures_util::FutureExt;
use smallvec::SmallVec;
use tidings_wire::{Audience, Message, Reject, Sender, UpgradeError};

use crate::{
    act::Write,
    handle::{Accepted, Context, Handle, RETRY},
    ports::BoxFuture,
    publish::Projection,
};

/// A message as its type let it pass.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The type's own fields, serialised again: a JSON object.
    pub(crate) body: Bytes,
    pub(crate) audience: Audience,
    pub(crate) writes: SmallVec<[Write; 1]>,
    pub(crate) project: Option<Projection>,
}

/// What comes of receiving: at once where no handler is involved, so that nothing is boxed on the hot path.
#[expect(clippy::large_enum_variant, reason = "it never leaves the stack: a box would cost an allocation a message")]
pub(crate) enum Step {
    Now(Result<Draft, Reject>),
    Later(BoxFuture<Result<Draft, Reject>>),
}

/// A message type without its type.
pub(crate) trait Receive: Send + Sync {
    /// Decodes, and asks the handler. `cx` makes the handler's context, where there is a handler.
    fn receive(&self, json: &[u8], sender: &Sender, cx: &dyn Fn() -> Context) -> Step;

    /// Brings an older stored body into today's form.
    fn upgrade(&self, version: u16, body: serde_json::Value) -> Result<serde_json::Value, UpgradeError>;
}

/// A type whose messages are accepted as they are.
pub(crate) struct Direct<M>(PhantomData<fn() -> M>);

/// A type whose messages pass a handler.
pub(crate) struct WithHandler<M, H>(Arc<H>, PhantomData<fn() -> M>);

impl<M> Direct<M> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<M, H> WithHandler<M, H> {
    pub(crate) fn new(handler: H) -> Self {
        Self(Arc::new(handler), PhantomData)
    }
}

impl<M: Message> Receive for Direct<M> {
    fn receive(&self, json: &[u8], sender: &Sender, _: &dyn Fn() -> Context) -> Step {
        Step::Now(decode::<M>(json).and_then(|message| finish(Accepted::new(message), sender)))
    }

    fn upgrade(&self, version: u16, body: serde_json::Value) -> Result<serde_json::Value, UpgradeError> {
        M::upgrade(version, body)
    }
}

impl<M: Message, H: Handle<M>> Receive for WithHandler<M, H> {
    fn receive(&self, json: &[u8], sender: &Sender, cx: &dyn Fn() -> Context) -> Step {
        let message = match decode::<M>(json) {
            Ok(message) => message,
            Err(reject) => return Step::Now(Err(reject)),
        };
        let (handler, cx, sender) = (self.0.clone(), cx(), sender.clone());
        let accept = async move { handler.accept(message, cx).await.and_then(|accepted| finish(accepted, &sender)) };
        Step::Later(
            AssertUnwindSafe(accept).catch_unwind().map(|caught| caught.unwrap_or_else(panicked::<M, Draft>)).boxed(),
        )
    }

    fn upgrade(&self, version: u16, body: serde_json::Value) -> Result<serde_json::Value, UpgradeError> {
        M::upgrade(version, body)
    }
}

/// Decodes the type's fields. The type's own code may run here, so a panic is caught.
fn decode<M: Message>(json: &[u8]) -> Result<M, Reject> {
    std::panic::catch_unwind(AssertUnwindSafe(|| read(json))).unwrap_or_else(panicked::<M, M>)
}

/// Reads the type's fields; on failure once more, slowly, to learn which field was wrong.
fn read<M: Message>(json: &[u8]) -> Result<M, Reject> {
    serde_json::from_slice(json).map_err(|_| {
        let mut reader = serde_json::Deserializer::from_slice(json);
        match serde_path_to_error::deserialize::<_, M>(&mut reader) {
            Err(error) => wrong_field(&error),
            Ok(_) => Reject::new(tidings_wire::Code::BadJson, "the frame is not one JSON object"),
        }
    })
}

/// Names the field that could not be decoded. One that is missing or stands twice is named in serde's
/// message, not always in its path.
fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> Reject {
    let cause = error.inner().to_string();
    // The position in the frame tells the sender nothing that the field does not.
    let sentence = cause.rsplit_once(" at line ").map_or(&*cause, |(sentence, _)| sentence);
    let named = ["missing field `", "duplicate field `"].into_iter().find_map(|start| sentence.strip_prefix(start));
    let path = error.path().to_string();
    let field = match named.and_then(|rest| rest.strip_suffix('`')) {
        Some(named) if path == "." => named.to_owned(),
        Some(named) => format!("{path}.{named}"),
        None => path,
    };
    Reject::field(start(&field, FIELD_BYTES), start(sentence, SENTENCE_BYTES))
}

/// What is shown of a sentence and a path that quote what the client sent: all of what is no nonsense.
const SENTENCE_BYTES: usize = 300;
const FIELD_BYTES: usize = 100;

fn start(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

/// Serialises what the handler let pass, and asks for its audience. The type's own code runs here, so a panic is caught.
fn finish<M: Message>(accepted: Accepted<M>, sender: &Sender) -> Result<Draft, Reject> {
    let Accepted { message, audience, writes, project } = accepted;
    let finished = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let audience = audience.unwrap_or_else(|| message.audience(sender));
        serde_json::to_vec(&message).map(|body| (Bytes::from(body), audience))
    }));
    match finished {
        Ok(Ok((body, audience))) => Ok(Draft { body, audience, writes, project }),
        Ok(Err(error)) => {
            tracing::error!(kind = M::TYPE, %error, "a message could not be serialised");
            Err(Reject::unavailable(RETRY))
        }
        Err(panic) => panicked::<M, Draft>(panic),
    }
}

/// The answer where a type's code panicked. The panic's own message was logged by the panic hook.
fn panicked<M: Message, T>(_: Box<dyn std::any::Any + Send>) -> Result<T, Reject> {
    tracing::error!(kind = M::TYPE, "the type's code panicked");
    crate::metrics::handler_panicked(M::TYPE);
    Err(Reject::unavailable(RETRY))
}
