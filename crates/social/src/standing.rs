//! How two users stand to one another, and what changes in the sets that audiences name.

use tidings_server::{
    Deed, Tidings,
    act::{Otherwise, Row, Write},
    ports::Between,
    publish::Consequences,
};
use tidings_wire::{BLOCKED, FOLLOWERS, Notice, Reject, UserId};

use crate::{
    own,
    relations::{APART, FOLLOWING, MUTUAL},
    sql,
};

/// Writes what changes how `one` stands to `other`, and waits for the commit. The first statement ends it quietly where nothing
/// changes.
///
/// Behind the writes stands a question in the same transaction: how the two stand to one another now. Every set that the answer is
/// about is set to it, whichever of them changed: so what is remembered of a set can't drift from the tables.
pub(crate) async fn change(
    tidings: &Tidings,
    one: UserId,
    other: UserId,
    writes: impl IntoIterator<Item = Write>,
    notices: impl IntoIterator<Item = Notice>,
) -> Result<(), Reject> {
    let asked = Write::new(sql::BETWEEN, [one.into(), other.into()]).returning();
    let deed = writes.into_iter().fold(Deed::by(Some(one)), Deed::write).write(asked);
    let deed = notices.into_iter().fold(deed, Deed::notice);
    let deed = deed.project(move |rows: &[Vec<Row>]| {
        let stand = rows.last().and_then(|rows| rows.first()).map(own::between).unwrap_or_default();
        sets(one, other, stand)
    });
    tidings.commit(deed).await.map(drop)
}

/// The writes that must change something, or nothing else is done and nobody is told.
pub(crate) fn or_quiet(write: Write) -> Write {
    write.expect(1..=1, Otherwise::Quiet)
}

/// Every set in which one of two users stands for the other.
fn sets(one: UserId, other: UserId, stand: Between) -> Consequences {
    let mutual = stand.follows && stand.followed;
    Consequences::default()
        .change(FOLLOWERS, other.0, one, stand.follows)
        .change(FOLLOWING, one.0, other, stand.follows)
        .change(FOLLOWERS, one.0, other, stand.followed)
        .change(FOLLOWING, other.0, one, stand.followed)
        .change(MUTUAL, one.0, other, mutual)
        .change(MUTUAL, other.0, one, mutual)
        .change(APART, one.0, other, stand.is_blocked() || stand.muted)
        .change(APART, other.0, one, stand.is_blocked() || stand.mutes)
        .change(BLOCKED, one.0, other, stand.blocks)
        .change(BLOCKED, other.0, one, stand.blocked)
}
