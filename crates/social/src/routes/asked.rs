//! All routes together, and what several of them are asked and answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidings_server::{
    Problem, Tidings,
    auth::{Caller, Identity},
    axum::{self, Extension},
    schema::Id,
    utoipa::{self, IntoParams},
    utoipa_axum::{router::OpenApiRouter, routes},
};
use tidings_wire::{Code, Key, Reject, UserId};

use super::{comments, follows, likes, posts, shares, standing, users};
use crate::shared::Shared;

/// Every route below `/v1`.
pub(crate) fn all(shared: Arc<Shared>) -> OpenApiRouter<Tidings> {
    OpenApiRouter::new()
        .routes(routes!(posts::create, posts::list))
        .routes(routes!(posts::show, posts::delete))
        .routes(routes!(posts::feed))
        .routes(routes!(likes::like, likes::unlike))
        .routes(routes!(comments::list, comments::create))
        .routes(routes!(comments::delete))
        .routes(routes!(shares::create))
        .routes(routes!(users::show))
        .routes(routes!(follows::follow, follows::unfollow))
        .routes(routes!(follows::followers))
        .routes(routes!(follows::following))
        .routes(routes!(follows::asking))
        .routes(routes!(follows::answer))
        .routes(routes!(standing::block, standing::unblock))
        .routes(routes!(standing::mute, standing::unmute))
        .layer(Extension(shared))
}

/// The pack's parts, as routes take them.
pub(super) type Parts = Extension<Arc<Shared>>;

/// For whom a service acts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct By {
    /// For whom, where a service calls.
    #[param(value_type = Option<Id>)]
    pub(super) user: Option<UserId>,
}

/// Entries of a page: 50 unless asked otherwise, and one more, which tells whether there are more.
pub(super) fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked.unwrap_or(50) {
        limit @ 1..=100 => Ok(limit as usize),
        _ => Err(Problem::field("limit", "1 to 100")),
    }
}

/// Bytes of a page of JSON.
const PAGE_BYTES: usize = 96 * 1024;

/// Cuts what was read to a page of at most `limit` entries and 96 KiB, but one entry at least; says whether something is left.
pub(super) fn page<T: Serialize>(mut entries: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let mut bytes = 0;
    let fits = entries.iter().take(limit).take_while(|entry| {
        bytes += serde_json::to_vec(entry).map_or(0, |json| json.len() + 1);
        bytes <= PAGE_BYTES
    });
    let kept = fits.count().max(1);
    let more = entries.len() > kept;
    entries.truncate(kept);
    (entries, more)
}

/// The name of a request as it is stored: those of services are apart from those of users.
pub(super) fn named(caller: &Caller, key: Option<Key>) -> Option<Key> {
    match &caller.identity {
        Identity::Service(service) => key.map(|key| key.of_service(&service.name)),
        _ => key,
    }
}

pub(super) fn key_reused() -> Problem {
    Problem::new(Code::KeyReused, "the key was used for something else")
}

/// What was written under a key went while it was looked up.
pub(super) fn gone() -> Problem {
    Reject::unavailable(std::time::Duration::from_secs(1)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_it_is_full_and_has_one_entry_at_least() {
        let long = |count| vec!["x".repeat(40 * 1024); count];
        let lengths = |(page, more): (Vec<String>, bool)| (page.len(), more);
        assert_eq!(lengths(page(long(3), 2)), (2, true));
        assert_eq!(lengths(page(long(3), 10)), (2, true));
        assert_eq!(lengths(page(vec!["x".repeat(200 * 1024)], 10)), (1, false));
        assert_eq!(lengths(page(vec!["x".to_owned(); 3], 3)), (3, false));
        assert_eq!(lengths(page(Vec::new(), 3)), (0, false));
    }
}
