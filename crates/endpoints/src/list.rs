//! Lists of users, paged by the backend or here.

use std::collections::BTreeSet;

use serde::Deserialize;
use tidings_engine::ports::{BoxFuture, StoreError};
use tidings_wire::{Id, UserId};

use crate::{
    client::{Answer, CallError, EndpointError, Endpoints, decode, denied, told},
    template::Template,
};

/// An endpoint that lists ids: `[1, 2, 3]`, or `{"users": [1, 2, 3]}`. 404 is an empty list.
///
/// Where its URL has `{after}` and `{limit}`, it answers with ids above `{after}` (empty for the first page) in ascending order, at most
/// `{limit}`. Where it has neither, it answers with all, in any order, within the bytes that an answer may have; it is asked again for
/// every page of 1,000 (of a group: of 10,000).
#[derive(Clone)]
pub struct EndpointList {
    endpoints: Endpoints,
    template: Template,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Bare(Vec<Id>),
    Named { users: Vec<Id> },
}

impl EndpointList {
    /// A list of the users that stand in a relation to one: `{user}`.
    ///
    /// # Errors
    /// [`EndpointError::Setting`].
    pub fn of_user(endpoints: &Endpoints, setting: &str, url: &str) -> Result<Self, EndpointError> {
        Self::new(endpoints, Template::parse(setting, url, &["user", "after", "limit"])?)
    }

    /// A list of the members of a group: `{group}`.
    ///
    /// # Errors
    /// [`EndpointError::Setting`].
    pub fn of_group(endpoints: &Endpoints, setting: &str, url: &str) -> Result<Self, EndpointError> {
        Self::new(endpoints, Template::parse(setting, url, &["group", "after", "limit"])?)
    }

    fn new(endpoints: &Endpoints, template: Template) -> Result<Self, EndpointError> {
        if template.has("after") != template.has("limit") {
            let problem = "has one of `{after}` and `{limit}`: a page needs both, a list without pages neither";
            return Err(EndpointError::Setting { setting: template.setting().to_owned(), problem: problem.to_owned() });
        }
        Ok(Self { endpoints: endpoints.clone(), template })
    }

    /// Ids above `after`, ascending, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with an [`EndpointError`].
    pub fn page(&self, of: Id, after: Option<Id>, limit: u32) -> BoxFuture<Result<Vec<Id>, StoreError>> {
        let above = after.map(|after| after.to_string()).unwrap_or_default();
        let asked = self.endpoints.ask(&self.template, &[of.to_string(), above, limit.to_string()], None);
        let (setting, paged) = (self.template.setting().to_owned(), self.template.has("limit"));
        Box::pin(async move {
            let ids = match asked.await? {
                Answer::Found(body) => match decode(&setting, &body)? {
                    Listed::Bare(ids) | Listed::Named { users: ids } => ids,
                },
                Answer::Absent => return Ok(Vec::new()),
                Answer::Denied => return Err(denied(&setting)),
            };
            let fits = ids.len() <= limit as usize && ids.is_sorted_by(|a, b| a < b) && ids.first() > after.as_ref();
            match paged {
                true if fits || ids.is_empty() => Ok(ids),
                true => {
                    let problem = format!("no page: expected at most {limit} ids in ascending order above `after`");
                    Err(told(&setting, "", CallError::Answer(problem)))
                }
                false => {
                    let above: BTreeSet<Id> =
                        ids.into_iter().filter(|id| after.is_none_or(|after| *id > after)).collect();
                    Ok(above.into_iter().take(limit as usize).collect())
                }
            }
        })
    }

    /// The same as users.
    pub(crate) fn users(
        &self,
        of: Id,
        after: Option<UserId>,
        limit: u32,
    ) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let page = self.page(of, after.map(|user| user.0), limit);
        Box::pin(async move { Ok(page.await?.into_iter().map(UserId).collect()) })
    }
}
