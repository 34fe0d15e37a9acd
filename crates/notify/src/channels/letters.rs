//! What could not be sent: kept as a list, and sent once more when somebody asks for it.

use tidings_server::{
    Deed, Tidings,
    act::{Otherwise, Row, Value, Write},
};
use tidings_wire::{Code, MessageId, Reject, UserId};

use super::{channel::delivery_id, sql};
use crate::shared::Shared;

/// Dead letters that are kept. With one more the oldest is forgotten.
const LETTERS: i64 = 10_000;

/// A delivery that could not be sent.
pub(crate) struct Letter {
    pub(crate) letter: MessageId,
    /// As the channel was given it.
    pub(crate) delivery: String,
    pub(crate) channel: String,
    pub(crate) user: UserId,
    pub(crate) notification: String,
    pub(crate) tries: u64,
    pub(crate) why: String,
    pub(crate) created_at: i64,
    pub(crate) died_at: i64,
}

/// Bytes of why.
const WHY: usize = 500;

/// It is sent no more.
pub(super) async fn lay_aside(
    shared: &Shared,
    tidings: &Tidings,
    (id, subscription): (MessageId, i64),
    why: &str,
) -> Result<(), Reject> {
    let key = || [Value::Int(id.get()), Value::Int(subscription)];
    let why = &why[..why.floor_char_boundary(WHY)];
    let laid = [Value::Int(shared.new_id()?.get()), why.into(), Value::Int(tidings.now().unix())];
    let laid: Vec<Value> = key().into_iter().chain(laid).collect();
    let deed = Deed::by(None)
        .write(Write::new(sql::LETTER, laid))
        .write(Write::new(sql::DELETE, key()))
        .write(Write::new(sql::LETTERS_BOUND, [Value::Int(LETTERS)]));
    tidings.commit(deed).await.map(drop)
}

/// The latest below `before`.
pub(crate) async fn letters(shared: &Shared, before: Option<MessageId>, limit: usize) -> Result<Vec<Letter>, Reject> {
    let before = before.map_or(i64::MAX, |letter| letter.get());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = shared.query(sql::LETTERS, vec![Value::Int(before), Value::Int(limit)]).await?;
    Ok(rows.iter().filter_map(read).collect())
}

fn read(row: &Row) -> Option<Letter> {
    let [letter, id, subscription, channel, owner, of, tries, why, created_at, died_at] = &row[..] else { return None };
    Some(Letter {
        letter: MessageId::from_stored(letter.int()?).ok()?,
        delivery: delivery_id(MessageId::from_stored(id.int()?).ok()?, subscription.int()?),
        channel: channel.text()?.to_owned(),
        user: UserId(owner.id()?),
        notification: of.int()?.to_string(),
        tries: tries.int()?.try_into().ok()?,
        why: why.text()?.to_owned(),
        created_at: created_at.int()?,
        died_at: died_at.int()?,
    })
}

/// Sends it once more, with the id that it had and as many tries as a new one.
///
/// # Errors
/// `not_found`; `unavailable`.
pub(crate) async fn replay(shared: &Shared, letter: MessageId) -> Result<(), Reject> {
    let tidings = shared.running()?;
    let unknown = Reject::new(Code::NotFound, "no such dead letter: it was replayed, or forgotten");
    let letter = Value::Int(letter.get());
    let now = Value::Int(tidings.now().unix());
    // Where another delivery of the same row waits by now, that one says it.
    let deed = Deed::by(None)
        .write(Write::new(sql::LETTER_REPLAY, [letter.clone(), now]))
        .write(Write::new(sql::LETTER_DELETE, [letter]).expect(1..=1, Otherwise::Refuse(unknown)));
    tidings.commit(deed).await?;
    shared.channels.came();
    Ok(())
}
