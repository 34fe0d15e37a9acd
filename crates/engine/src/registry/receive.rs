//! The erasure of a message type: bytes in, a draft out. What is generic ends here.

use std::{marker::PhantomData, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use tidings_wire::{Audience, Message, Notice, Reject, Sender, UpgradeError};

use super::enveloped::{Envelope, Enveloped};
use crate::{
    act::Write,
    delivery::Body,
    handle::{Accepted, Context, Handle, RETRY},
    ports::BoxFuture,
    publish::Projection,
};

/// A message as its type let it pass.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The type's own fields, serialised again.
    pub(crate) body: Body,
    pub(crate) audience: Audience,
    pub(crate) writes: Vec<Write>,
    pub(crate) project: Option<Projection>,
    pub(crate) notices: Vec<Notice>,
}

/// What comes of receiving: at once where no handler is involved, so that nothing is boxed on the hot path.
pub(crate) enum Step {
    Now(Result<Draft, Reject>),
    Later(BoxFuture<Result<Draft, Reject>>),
}

/// A frame as its type read it.
pub(crate) struct Received<'a> {
    pub(crate) envelope: Envelope<'a>,
    pub(crate) step: Step,
}

/// A message type without its type.
pub(crate) trait Receive: Send + Sync {
    /// Decodes, and asks the handler. `cx` makes the handler's context, where there is a handler.
    ///
    /// # Errors
    /// Why the type's fields can't be read. Where the head can't be read either, the caller says that instead.
    fn receive<'a>(&self, json: &'a str, sender: &Sender, cx: &dyn Fn() -> Context) -> Result<Received<'a>, Reject>;

    /// Brings an older stored body into today's form.
    fn upgrade(&self, version: u16, body: serde_json::Value) -> Result<serde_json::Value, UpgradeError>;

    /// Whom a frame would reach, by the type alone; none where the type can't read it.
    fn would_reach(&self, json: &str, sender: &Sender) -> Option<Audience>;

    /// Whether a handler decides about its messages.
    fn handled(&self) -> bool;
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
    fn receive<'a>(&self, json: &'a str, sender: &Sender, _: &dyn Fn() -> Context) -> Result<Received<'a>, Reject> {
        let Enveloped { envelope, message } = decode::<M>(json)?;
        let step = Step::Now(finish(Accepted::new(message), sender, json.len()));
        Ok(Received { envelope, step })
    }

    fn upgrade(&self, version: u16, body: serde_json::Value) -> Result<serde_json::Value, UpgradeError> {
        M::upgrade(version, body)
    }

    fn would_reach(&self, json: &str, sender: &Sender) -> Option<Audience> {
        would_reach::<M>(json, sender)
    }

    fn handled(&self) -> bool {
        false
    }
}

impl<M: Message, H: Handle<M>> Receive for WithHandler<M, H> {
    fn receive<'a>(&self, json: &'a str, sender: &Sender, cx: &dyn Fn() -> Context) -> Result<Received<'a>, Reject> {
        let Enveloped { envelope, message } = decode::<M>(json)?;
        let (handler, cx, sender, size) = (self.0.clone(), cx(), sender.clone(), json.len());
        let accept =
            async move { handler.accept(message, cx).await.and_then(|accepted| finish(accepted, &sender, size)) };
        let caught = AssertUnwindSafe(accept).catch_unwind();
        let step = Step::Later(caught.map(|caught| caught.unwrap_or_else(panicked::<M, Draft>)).boxed());
        Ok(Received { envelope, step })
    }

    fn upgrade(&self, version: u16, body: serde_json::Value) -> Result<serde_json::Value, UpgradeError> {
        M::upgrade(version, body)
    }

    fn would_reach(&self, json: &str, sender: &Sender) -> Option<Audience> {
        would_reach::<M>(json, sender)
    }

    fn handled(&self) -> bool {
        true
    }
}

/// Decodes a frame. The type's own code may run here, so a panic is caught.
fn decode<M: Message>(json: &str) -> Result<Enveloped<'_, M>, Reject> {
    std::panic::catch_unwind(AssertUnwindSafe(|| read(json))).unwrap_or_else(panicked::<M, _>)
}

/// Asks the type whom a frame would reach. Its own code runs here, so a panic is caught.
fn would_reach<M: Message>(json: &str, sender: &Sender) -> Option<Audience> {
    let ask = || read::<M>(json).ok().map(|read| read.message.audience(sender));
    std::panic::catch_unwind(AssertUnwindSafe(ask)).ok().flatten()
}

/// Reads a frame; on failure once more, slowly, to learn which of the type's fields was wrong.
fn read<M: Message>(json: &str) -> Result<Enveloped<'_, M>, Reject> {
    serde_json::from_str(json).map_err(|_| {
        let mut reader = serde_json::Deserializer::from_str(json);
        match serde_path_to_error::deserialize::<_, M>(&mut reader) {
            Err(error) => wrong_field(&error),
            Ok(_) => Reject::new(tidings_wire::Code::BadJson, "the frame is not one JSON object"),
        }
    })
}

/// Names the field that could not be decoded. One that is missing or stands twice is named in serde's
/// message, not always in its path.
pub(crate) fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> Reject {
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

/// Serialises what the handler let pass, about `size` bytes, and asks for its audience. The type's own code runs here, so a
/// panic is caught.
fn finish<M: Message>(accepted: Accepted<M>, sender: &Sender, size: usize) -> Result<Draft, Reject> {
    let Accepted { message, audience, writes, project, mut notices } = accepted;
    let finished = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let audience = audience.unwrap_or_else(|| message.audience(sender));
        notices.extend(message.notice());
        Body::of(&message, size).map(|body| (body, audience))
    }));
    match finished {
        Ok(Ok((body, audience))) => Ok(Draft { body, audience, writes, project, notices }),
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
