//! How far users have read, as they say it themselves.

use tidings_engine::{act::ReadMark, ports::Reader};
use tidings_wire::{ConversationKey, Reject, Seq, UserId};

use super::batch::{Batch, Done};
use crate::{
    members::{self, Seat},
    read::{self, Visible},
    statement::StatementError,
};

impl Batch<'_> {
    /// Moves a user's mark forward; the refusal where the stream is not theirs to see.
    pub(super) fn read(
        &self,
        key: ConversationKey,
        user: UserId,
        seq: Seq,
        done: &mut Done,
    ) -> Result<Option<Reject>, StatementError> {
        let missing = || Ok(Some(Reject::not_found("there is no such conversation")));
        let Some(stream) = members::stream(self.connection, key)? else { return missing() };
        let conversation = stream.id;
        let Some(seat) = members::seat(self.connection, conversation, user)? else { return missing() };
        let Visible { parts, head } = read::visible(self.connection, stream, Reader::User(user))?;
        let seq = seq.min(head);
        if seq <= seat.read.max(self.unwritten(conversation, user, seat, done)) {
            return Ok(None);
        }
        members::set_mark(self.connection, conversation, (user, seat), seq)?;
        let unread = read::unread(self.connection, conversation, &parts, seq)?;
        done.reads.push(ReadMark { conversation: key, user, seq, unread });
        Ok(None)
    }

    /// How far a member read by sending, in this transaction, which is written at its end.
    fn unwritten(&self, conversation: i64, user: UserId, seat: Seat, done: &Done) -> Seq {
        if !seat.is_current() {
            // Who sends without being a member reads nothing by it.
            return 0;
        }
        let by_others = self.marks.get(&(conversation, user)).copied();
        let by_this = done.marks.iter().filter(|mark| (mark.0, mark.1) == (conversation, user)).map(|mark| mark.2);
        by_this.chain(by_others).max().unwrap_or(0)
    }
}
