//! What goes with time. A row whose last event is 90 days old goes as if it had been taken back: its reader is told. Thirty days
//! later it is forgotten that it was there. The trace keeps 7 days, and a million entries at most: the oldest go first.

use std::{sync::Arc, time::Duration};

use tidings_server::{Deed, Tidings, act::Value, act::Write};
use tidings_wire::{MessageId, Reject};

use crate::{inbox::tell_heads, shared::Shared, sql, writing};

const DAY: i64 = 24 * 60 * 60;

/// How long a row is kept after its last event.
const ROW_SECONDS: i64 = 90 * DAY;

/// How long it is known that a row is gone. Who comes back later is told to fetch pages.
const GONE_SECONDS: i64 = ROW_SECONDS + 30 * DAY;

/// How long it is known why somebody did not get something.
const TRACE_SECONDS: i64 = 7 * DAY;

/// Entries of the trace.
const TRACE_ENTRIES: i64 = 1_000_000;

/// How often it is looked, by the server's clock.
const EVERY: i64 = 60 * 60;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Prunes until the server stops.
pub(crate) async fn run(shared: Arc<Shared>, tidings: Tidings) {
    let mut next = i64::MIN;
    loop {
        let now = tidings.now().unix();
        if now >= next {
            let pruned = [prune(&shared, &tidings, now).await, prune_trace(&shared, &tidings, now).await];
            for reject in pruned.into_iter().filter_map(Result::err) {
                tracing::warn!(%reject, "old notifications are pruned later");
            }
            next = now + EVERY;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// The least id that something of this second may have: nothing that came before has a higher one.
fn id_of(second: i64) -> Value {
    Value::Int(MessageId::after(None, second.saturating_mul(1_000), 0).get())
}

async fn prune(shared: &Shared, tidings: &Tidings, now: i64) -> Result<(), Reject> {
    let before = |age: i64| [id_of(now - age), Value::Int(now - age)];
    let mut above = Value::Int(-1);
    loop {
        let [id, second] = before(ROW_SECONDS);
        let rows = shared.query(sql::EXPIRED, vec![above, id, second]).await?;
        let Some(last) = rows.last() else { break };
        above = last[0].clone();
        let writes = rows.iter().flat_map(|row| writing::expire(&row[1], &row[0]));
        tidings.commit(writes.fold(Deed::by(None), Deed::write).project(tell_heads)).await?;
    }
    above = Value::Int(-1);
    loop {
        let [id, second] = before(GONE_SECONDS);
        let rows = shared.query(sql::GONE, vec![above, id, second]).await?;
        let Some(last) = rows.last() else { break };
        above = last[0].clone();
        let writes = rows.iter().flat_map(|row| {
            let forget = Write::new(sql::FORGET_HEAD, [row[1].clone(), row[2].clone()]);
            [forget, Write::new(sql::FORGET_ROW, [row[0].clone()])]
        });
        tidings.commit(writes.fold(Deed::by(None), Deed::write)).await?;
    }
    Ok(())
}

async fn prune_trace(shared: &Shared, tidings: &Tidings, now: i64) -> Result<(), Reject> {
    let oldest = shared.query(sql::TRACE_OLDEST, vec![Value::Int(TRACE_ENTRIES - 1)]).await?;
    let too_many = oldest.first().and_then(|row| row[0].int()).unwrap_or(0);
    let too_old = id_of(now - TRACE_SECONDS).int().unwrap_or(0);
    loop {
        let old = Write::new(sql::TRACE_OLD, [Value::Int(too_many.max(too_old))]).returning();
        if tidings.commit(Deed::by(None).write(old)).await?.rows.iter().flatten().next().is_none() {
            return Ok(());
        }
    }
}
