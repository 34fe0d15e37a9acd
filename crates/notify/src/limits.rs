//! Not too many: how many new rows of a kind one recipient gets.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use tidings_server::{act::Value, clock::Now};
use tidings_wire::{Limit, Reject, UserId};

use crate::{deciding::Verdict, kind::Kind, shared::Shared, sql, writing::group_key};

/// Recipients and kinds that are counted at once. With one more those go whose limit is full again, and if that is none, all begin anew.
const COUNTED: usize = 100_000;

const POISONED: &str = "nothing panics while it holds this lock";

/// What recipients got lately, of kinds with a limit: for each the time at which nothing of it counts any more, Unix milliseconds.
#[derive(Default)]
pub(crate) struct Given(Mutex<HashMap<(UserId, String), i64>>);

impl Given {
    /// Takes one more, if there is room. The generic cell rate algorithm, as the engine's limiter has it.
    fn take(&self, recipient: UserId, subtype: &str, limit: Limit, now_ms: i64) -> bool {
        let per = i64::try_from(limit.per.as_millis()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        let each = (per / i64::from(limit.count.max(1))).max(1);
        let mut given = self.lock();
        if given.len() >= COUNTED {
            given.retain(|_, until| *until > now_ms);
            if given.len() >= COUNTED {
                given.clear();
            }
        }
        let until = given.entry((recipient, subtype.to_owned())).or_insert(now_ms);
        // A clock that was set back must not close it for longer than the time itself.
        *until = (*until).clamp(now_ms, now_ms + per);
        let fits = *until + each <= now_ms + per;
        if fits {
            *until += each;
        }
        fits
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(UserId, String), i64>> {
        self.0.lock().expect(POISONED)
    }
}

/// The verdict, unless it would give a new row over the kind's limit. What is joined into a row that is there is none.
pub(crate) async fn within(
    shared: &Shared,
    verdict: Verdict,
    recipient: UserId,
    (kind, group): (Option<&Kind>, Option<&str>),
    now: Now,
) -> Result<Verdict, Reject> {
    let (Verdict::Give { is_request }, Some(kind)) = (&verdict, kind.filter(|kind| kind.limit.count > 0)) else {
        return Ok(verdict);
    };
    if let Some(group) = group {
        let began = now.unix().saturating_sub(i64::try_from(kind.window.as_secs()).unwrap_or(i64::MAX));
        let place = [recipient.into(), Value::from(&*kind.subtype), group_key(group, *is_request).as_str().into()];
        let values = place.into_iter().chain([Value::Int(began)]).collect();
        if !shared.query(sql::OPEN_ROW, values).await?.is_empty() {
            return Ok(verdict);
        }
    }
    if shared.given.take(recipient, &kind.subtype, kind.limit, now.unix_ms) {
        return Ok(verdict);
    }
    let Limit { count, per } = kind.limit;
    Ok(Verdict::Filter(format!("limit: a recipient gets {count} new ones of its kind in {} s", per.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_are_given_at_once_and_then_as_they_are_refilled() {
        let given = Given::default();
        let limit = Limit { count: 3, per: Duration::from_secs(3_600) };
        let take = |user, at_ms| given.take(UserId::new(user), "post_like", limit, at_ms);
        assert_eq!([0, 0, 0, 0].map(|at| take(1, at)), [true, true, true, false]);
        assert!(take(2, 0), "another's are their own");
        assert!(given.take(UserId::new(1), "mention", limit, 0));
        assert_eq!([take(1, 1_199_999), take(1, 1_200_000), take(1, 1_200_000)], [false, true, false]);
        assert_eq!([9_000_000; 4].map(|at| take(1, at)), [true, true, true, false]);
        // The clock goes back by a day.
        let back = -86_400_000;
        assert_eq!([back, back + 1_199_999, back + 1_200_000].map(|at| take(1, at)), [false, false, true]);
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let given = Given::default();
        let limit = Limit { count: 1, per: Duration::from_secs(1) };
        for user in 0..COUNTED as u32 + 10 {
            assert!(given.take(UserId::new(user + 1), "x", limit, 0));
        }
        assert!(given.lock().len() <= COUNTED);
    }
}
