//! Notices on their way into the act that they go with.

use std::sync::Arc;

use tidings_wire::{Audience, Notice, Reject, Set, UserId};

use crate::{
    act::Write,
    audience::{From, resolve},
    clock::Now,
    delivery::Publication,
    node::Node,
    ports::{Inbox, InboxChange, Notices, Prepared},
    publish::Projection,
    services::Services,
};

/// What keeps notifications, if anything does.
#[derive(Clone, Default)]
pub struct Notifications {
    /// What `tidings.v1` asks for its inbox; none answers with `not_enabled`.
    pub inbox: Option<Arc<dyn Inbox>>,
    /// What becomes of notices; none drops them.
    pub notices: Option<Arc<dyn Notices>>,
}

/// Adds what the notices write behind an act's own statements, and what follows from it. Those without recipients of their own
/// go to `audience`, as far as it names users, groups and relations.
///
/// # Errors
/// What whoever keeps notifications refuses.
pub(crate) async fn add(
    services: &Services,
    notices: Vec<Notice>,
    audience: Option<&Audience>,
    from: Option<UserId>,
    now: Now,
    (writes, project): (&mut Vec<Write>, &mut Option<Projection>),
) -> Result<(), Reject> {
    let Some(keeper) = services.notifications.notices.as_ref().filter(|_| services.store.runs_sql()) else {
        return Ok(());
    };
    let addressed: Vec<Notice> = notices.into_iter().flat_map(|notice| addressed(notice, audience)).collect();
    if addressed.is_empty() {
        return Ok(());
    }
    let Prepared { writes: more, project: follows } = keeper.prepare(addressed, from, now).await?;
    let own = writes.iter().filter(|write| write.returning).count();
    writes.extend(more);
    let Some(follows) = follows else { return Ok(()) };
    let before = project.take();
    *project = Some(Projection::new(move |rows| {
        let (of_act, of_notices) = rows.split_at(own.min(rows.len()));
        let mut all = before.map(|before| before.run(of_act)).unwrap_or_default();
        all.append(follows.run(of_notices));
        all
    }));
    Ok(())
}

/// The notice, once for each set that it is for.
fn addressed(notice: Notice, audience: Option<&Audience>) -> Vec<Notice> {
    if notice.to.is_some() {
        return vec![notice];
    }
    let sets = audience.map(|audience| audience.to.iter()).into_iter().flatten();
    let known = sets.filter(|set| !matches!(set, Set::Everyone | Set::Topic(_)));
    known.map(|set| Notice { to: Some(set.clone()), ..notice.clone() }).collect()
}

/// Sends a user's connections what changed in their inbox, in this order.
///
/// # Errors
/// `unavailable` where a shard has no room; the changes from there on were sent to none of them.
pub(crate) fn tell(node: &Node, user: UserId, change: &InboxChange) -> Result<(), Reject> {
    let services = node.services();
    let to = resolve(&Audience::user(user), From::default(), &services.directory, |_| None, node.all_shards());
    if to.shards == 0 {
        return Ok(());
    }
    let notice = Publication::notice(&change.json, None, None, to, services.clock.now().mono);
    node.offer_call(notice.in_inbox(change.seq, change.guide.as_deref()))
}
