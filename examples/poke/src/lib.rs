//! One user pokes another: a new type of message is one file. `App::new().message::<Poke>()` registers it; then
//! `{"type":"poke","to":2}` reaches user 2 with the server's stamp.
#![forbid(unsafe_code)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, Message, Sender, UserId};

/// One user pokes another.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Poke {
    /// Whom.
    pub to: UserId,
}

impl Message for Poke {
    const TYPE: &'static str = "poke";

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}
