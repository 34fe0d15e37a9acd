//! Messages and events that one of a dm's two is never shown.

use tidings_wire::{ConversationKey, MessageId, UserId};

use super::batch::{Appended, Batch, Done};
use crate::{
    members,
    withheld::{self, Place, Withheld},
};

/// From whom something is to be withheld.
pub(super) struct Aside {
    pub(super) user: UserId,
    /// Where the dm stood in their list before it came.
    before: Place,
}

impl Batch<'_> {
    /// Looked up before the message or event has its place. Of a group nothing is withheld.
    pub(super) fn aside(&self, key: ConversationKey, from: Option<UserId>) -> rusqlite::Result<Option<Aside>> {
        match (from, key) {
            (Some(user), ConversationKey::Dm(..)) => {
                Ok(Some(Aside { user, before: withheld::place(self.connection, key)? }))
            }
            _ => Ok(None),
        }
    }

    /// The two of a dm are in it from the first message on that both are shown; until then those alone who are shown something.
    pub(super) fn seat(
        &self,
        key: ConversationKey,
        appended: Appended,
        aside: Option<&Aside>,
        done: &mut Done,
    ) -> rusqlite::Result<()> {
        let Appended { conversation, seq, withheld } = appended;
        let ConversationKey::Dm(low, high) = key else { return Ok(()) };
        if seq > 1 && withheld != Withheld::Everything {
            return Ok(());
        }
        for user in [low, high] {
            if aside.is_none_or(|aside| aside.user != user) {
                members::begin_dm(self.connection, conversation, user)?;
            }
        }
        match aside {
            Some(_) if seq == 1 => withheld::set(self.connection, conversation, Withheld::Everything)?,
            Some(_) => {}
            None => {
                done.met = true;
                if withheld == Withheld::Everything {
                    withheld::set(self.connection, conversation, Withheld::Something)?;
                }
            }
        }
        Ok(())
    }

    /// The message or event that was appended is withheld.
    pub(super) fn put_aside(
        &self,
        appended: Appended,
        aside: Aside,
        id: MessageId,
        done: &mut Done,
    ) -> rusqlite::Result<()> {
        let Appended { conversation, seq, withheld } = appended;
        if seq > 1 && withheld == Withheld::Nothing {
            withheld::set(self.connection, conversation, Withheld::Something)?;
        }
        withheld::add(self.connection, conversation, aside.user, seq)?;
        withheld::stay(self.connection, conversation, aside.user, seq, aside.before)?;
        done.withheld.push((id, aside.user));
        Ok(())
    }
}
