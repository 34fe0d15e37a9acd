//! For whom a message type is switched on, and how that changes while the server runs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use tidings_wire::UserId;

/// For whom a message type is on: a share of the users, always the same ones, and some users by name.
///
/// Raising the share keeps everybody who had the type. It says nothing about services, which are the app itself.
///
/// ```
/// use tidings_engine::Rollout;
/// use tidings_wire::UserId;
///
/// let tenth = Rollout::new(10, vec![UserId::new(7)])?;
/// assert_eq!((tenth.percent(), tenth.users()), (10, &[UserId::new(7)][..]));
/// assert!(Rollout::new(101, Vec::new()).is_err());
/// # Ok::<(), tidings_engine::RolloutError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    percent: u8,
    /// Ascending, each once.
    users: Arc<[UserId]>,
}

/// Why there can be no such rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// A share above 100.
    #[error("a share is from 0 to 100 percent, not {0}")]
    Percent(u64),
    /// More users than [`Rollout::MAX_USERS`].
    #[error("a rollout names at most {most} users, not {0}", most = Rollout::MAX_USERS)]
    Users(usize),
}

/// A type's rollout as it is now, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutInForce {
    /// For whom the type is on.
    pub rollout: Rollout,
    /// Who said so.
    pub source: RolloutSource,
}

/// Who said for whom a type is on. What was said at run time wins until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RolloutSource {
    /// Nobody: it is on for everybody.
    Default,
    /// The configuration.
    Configuration,
    /// A call while the server ran, perhaps before the last start.
    RunTime,
}

impl RolloutSource {
    /// The word for it in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Configuration => "configuration",
            Self::RunTime => "run_time",
        }
    }
}

impl Rollout {
    /// Users that one rollout can name; more are refused. For more there is the share.
    pub const MAX_USERS: usize = 10_000;

    /// On for a share of the users, 0 to 100 percent, and for these, in any order.
    ///
    /// # Errors
    /// [`RolloutError`].
    pub fn new(percent: u64, mut users: Vec<UserId>) -> Result<Self, RolloutError> {
        users.sort_unstable();
        users.dedup();
        if users.len() > Self::MAX_USERS {
            return Err(RolloutError::Users(users.len()));
        }
        match u8::try_from(percent) {
            Ok(percent @ 0..=100) => Ok(Self { percent, users: users.into() }),
            _ => Err(RolloutError::Percent(percent)),
        }
    }

    /// On for everybody.
    pub fn everybody() -> Self {
        Self { percent: 100, users: Arc::default() }
    }

    /// The share, 0 to 100.
    pub fn percent(&self) -> u8 {
        self.percent
    }

    /// Those for whom it is on whatever the share, ascending.
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// What it says of a user.
    fn verdict(&self, kind: &str, user: UserId) -> Verdict {
        if percentile(kind, user) < self.percent {
            Verdict::Share
        } else if self.users.binary_search(&user).is_ok() {
            Verdict::Named
        } else {
            Verdict::Off
        }
    }
}

/// What a rollout says of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// On, as for everybody in the share.
    Share,
    /// On, because the user is named.
    Named,
    /// Off.
    Off,
}

impl Verdict {
    /// A word for it, for a label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Named => "named",
            Self::Off => "off",
        }
    }
}

/// A type's rollout: asked by every send, changed seldom. Nothing here waits.
pub(crate) struct Gate {
    /// What holds where nothing was said at run time.
    configured: Option<Rollout>,
    /// Whether it is on for everybody, the usual case, in which a send looks at nothing else.
    everybody: AtomicBool,
    now: ArcSwap<RolloutInForce>,
}

impl Gate {
    pub(crate) fn new(configured: Option<Rollout>) -> Self {
        let gate = Self {
            configured,
            everybody: AtomicBool::new(true),
            now: ArcSwap::from_pointee(RolloutInForce {
                rollout: Rollout::everybody(),
                source: RolloutSource::Default,
            }),
        };
        gate.set(None);
        gate
    }

    /// What it says of a user; none where it is on for everybody.
    pub(crate) fn ask(&self, kind: &str, user: UserId) -> Option<Verdict> {
        if self.everybody.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.now.load().rollout.verdict(kind, user))
    }

    /// Says at run time for whom it is on, or takes that back. Sends that are under way may still see what was.
    pub(crate) fn set(&self, rollout: Option<Rollout>) {
        let (rollout, source) = match (rollout, &self.configured) {
            (Some(rollout), _) => (rollout, RolloutSource::RunTime),
            (None, Some(configured)) => (configured.clone(), RolloutSource::Configuration),
            (None, None) => (Rollout::everybody(), RolloutSource::Default),
        };
        let everybody = rollout.percent == 100;
        self.now.store(Arc::new(RolloutInForce { rollout, source }));
        self.everybody.store(everybody, Ordering::Relaxed);
    }

    pub(crate) fn in_force(&self) -> RolloutInForce {
        RolloutInForce::clone(&self.now.load())
    }
}

/// A number from 0 to 99 that is the same for a user and a type on every node and in every release: FNV-1a
/// (draft-eastlake-fnv) over the type's name and the id's text.
fn percentile(name: &str, user: UserId) -> u8 {
    let text = format!("{name}/{user}");
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // The low bits of FNV mix poorly over short texts that differ in the last byte; the high ones are folded in.
    ((hash ^ (hash >> 32)) % 100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u32) -> UserId {
        UserId::new(id)
    }

    #[test]
    fn a_rollout_takes_about_its_share_of_users_and_always_the_same() {
        let on: Vec<_> = (0..10_000).map(user).filter(|&user| percentile("poke", user) < 10).collect();
        assert!((800..1_200).contains(&on.len()), "{}", on.len());
        assert!(on.iter().all(|&user| percentile("poke", user) < 50), "raising the share keeps those who had it");
        assert_ne!(on, (0..10_000).map(user).filter(|&user| percentile("nudge", user) < 10).collect::<Vec<_>>());
    }

    #[test]
    fn users_are_named_in_any_order_and_up_to_a_bound() {
        let rollout = Rollout::new(0, vec![user(9), user(2), user(9)]).unwrap();
        assert_eq!(rollout.users(), [user(2), user(9)]);
        assert_eq!(rollout.verdict("poke", user(9)), Verdict::Named);
        assert_eq!(rollout.verdict("poke", user(3)), Verdict::Off);
        let many = |count: u32| Rollout::new(0, (0..count).map(user).collect());
        assert!(many(10_000).is_ok());
        assert_eq!(many(10_001), Err(RolloutError::Users(10_001)));
        assert_eq!(Rollout::new(101, Vec::new()), Err(RolloutError::Percent(101)));
        assert_eq!(Rollout::new(300, Vec::new()), Err(RolloutError::Percent(300)));
    }

    #[test]
    fn what_was_said_at_run_time_wins_until_it_is_taken_back() {
        let gate = Gate::new(Some(Rollout::new(0, vec![user(7)]).unwrap()));
        let asked = |id| gate.ask("poke", user(id));
        assert_eq!((asked(7), asked(8)), (Some(Verdict::Named), Some(Verdict::Off)));
        assert_eq!(gate.in_force().source, RolloutSource::Configuration);
        gate.set(Some(Rollout::everybody()));
        assert_eq!((asked(7), asked(8)), (None, None));
        assert_eq!(gate.in_force().source, RolloutSource::RunTime);
        gate.set(None);
        assert_eq!((asked(7), asked(8)), (Some(Verdict::Named), Some(Verdict::Off)));
        assert_eq!(Gate::new(None).in_force().source, RolloutSource::Default);
        assert_eq!(Gate::new(None).ask("poke", user(8)), None);
    }
}
