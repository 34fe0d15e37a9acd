//! Messages that follow from an act: what a projection makes of the rows that the act's statements returned.

use std::fmt;

use bytes::Bytes;
use tidings_wire::{Audience, Message, Sender, UserId};

use crate::act::Row;

/// An ephemeral message to be delivered once the act it follows from is on disk.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The type's name.
    pub kind: &'static str,
    /// The type's own fields, a JSON object.
    pub body: Bytes,
    /// Who hears it.
    pub audience: Audience,
    /// Whose message it is, if anybody's.
    pub from: Option<UserId>,
    /// Its id, where it has one already.
    pub(crate) id: Option<tidings_wire::MessageId>,
}

impl Publish {
    /// `message`, as if `sender` had sent it, to its own audience. Nothing is stored, even of a kept type: what is kept
    /// goes into the act itself.
    ///
    /// # Errors
    /// Where the message's own serialisation fails.
    pub fn new<M: Message>(message: &M, sender: &Sender) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(message)?.into();
        Ok(Self { kind: M::TYPE, body, audience: message.audience(sender), from: sender.user, id: None })
    }

    /// To others than the type's own audience.
    #[must_use]
    pub fn to(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }
}

/// Makes messages of returned rows. It runs in the dispatcher, in commit order: so it must not block, and whatever it
/// needs beside the rows (names, languages) was fetched before the commit and is captured.
pub struct Projection(Box<Project>);

type Project = dyn FnOnce(&[Vec<Row>]) -> Vec<Publish> + Send;

impl Projection {
    /// Wraps a function of the rows: a slice with the rows of each returning statement, in order.
    pub fn new(project: impl FnOnce(&[Vec<Row>]) -> Vec<Publish> + Send + 'static) -> Self {
        Self(Box::new(project))
    }

    /// Calls it.
    pub fn run(self, rows: &[Vec<Row>]) -> Vec<Publish> {
        (self.0)(rows)
    }
}

impl fmt::Debug for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Projection(..)")
    }
}
