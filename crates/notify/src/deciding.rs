//! Who gets it: the guide's `userWantsNotification` and `usersAreConnected`.

use tidings_server::{clock::Now, ports::Between};
use tidings_wire::{Reject, UserId};

use crate::{
    IN_APP,
    kind::Kind,
    shared::{Shared, refusal},
    wants::{DecidedBy, Policy, Rule, Wanted},
};

/// What becomes of a notice for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It comes into the inbox.
    Give {
        /// Among the requests.
        is_request: bool,
    },
    /// It does not, and why.
    Filter(String),
    /// It waits until this second, because of the recipient's quiet hours.
    Defer(i64),
    /// It is one's own act: nobody expects to be told of it.
    Own,
}

impl Verdict {
    /// A word for it, bounded and so fit for a label.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Give { is_request: false } => "given",
            Self::Give { is_request: true } => "request",
            Self::Filter(_) => "filtered",
            Self::Defer(_) => "deferred",
            Self::Own => "own",
        }
    }
}

/// An account counts as new so long.
const NEW_ACCOUNT_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Decides, in this order: one's own act; blocks and mutes; preferences; the policy for people who are not close; quiet hours.
pub(crate) async fn decide(
    shared: &Shared,
    (recipient, wanted): (UserId, &Wanted),
    (subtype, kind): (&str, Option<&Kind>),
    object: Option<&str>,
    actor: Option<UserId>,
    now: Now,
) -> Result<Verdict, Reject> {
    if actor == Some(recipient) {
        return Ok(Verdict::Own);
    }
    let is_mandatory = kind.is_some_and(|kind| kind.mandatory);
    let between = match (&shared.graph, actor) {
        (Some(graph), Some(actor)) => Some(graph.between(recipient, actor).await.map_err(refusal)?),
        _ => None,
    };
    if let Some(between) = between.filter(|_| !is_mandatory) {
        if between.is_blocked() {
            return Ok(Verdict::Filter("blocked: one of the two has blocked the other".to_owned()));
        }
        if between.mutes {
            return Ok(Verdict::Filter("muted: the recipient has muted the actor".to_owned()));
        }
    }
    let (wants, by) = wanted.wants((subtype, kind), object, IN_APP);
    if !wants {
        return Ok(Verdict::Filter(format!("preference: switched off by the {}", level(by))));
    }
    let mut is_request = false;
    if let Some(actor) = actor.filter(|_| !is_mandatory && !wanted.policy.accepts_all()) {
        let between = between.unwrap_or_default();
        let (rule, why) = policy(shared, &wanted.policy, between, actor, now).await;
        match rule {
            Rule::Drop => return Ok(Verdict::Filter(format!("policy: the recipient wants nothing from {why}"))),
            Rule::Filter => is_request = true,
            Rule::Accept => {}
        }
    }
    let quiet = wanted.quiet.as_ref().filter(|_| !kind.is_some_and(|kind| kind.critical));
    if let Some(until) = quiet.and_then(|quiet| quiet.until(now.unix())) {
        return Ok(Verdict::Defer(until));
    }
    Ok(Verdict::Give { is_request })
}

const fn level(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::Object => "recipient for this object",
        DecidedBy::App => "app's default",
        DecidedBy::User | DecidedBy::Mandatory => "recipient",
    }
}

/// The strictest rule that fits, with whom it is about.
async fn policy(shared: &Shared, policy: &Policy, between: Between, actor: UserId, now: Now) -> (Rule, &'static str) {
    let mut found = (Rule::Accept, "");
    let mut take = |rule: Rule, why| {
        if rule as u8 > found.0 as u8 {
            found = (rule, why);
        }
    };
    if !between.follows {
        take(policy.not_followed, "people whom they don't follow");
        if !between.followed {
            take(policy.strangers, "strangers");
        }
    }
    if policy.new_accounts != Rule::Accept {
        let profile = shared.profile(actor).await;
        let made = profile.and_then(|profile| profile.data.get("created_at").and_then(serde_json::Value::as_i64));
        if made.is_some_and(|made| now.unix() - made < NEW_ACCOUNT_SECONDS) {
            take(policy.new_accounts, "new accounts");
        }
    }
    found
}
