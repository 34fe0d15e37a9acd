//! Who follows, blocks and mutes whom, by the app's backend.

use std::time::Duration;

use serde::Deserialize;
use tidings_engine::ports::{Between, BoxFuture, SocialGraph, StoreError};
use tidings_wire::UserId;

use crate::{
    client::{Answer, Endpoints, decode, denied},
    list::EndpointList,
    template::Template,
};

/// What is asked of a graph.
pub struct GraphTemplates {
    /// Those who follow a user and were accepted.
    pub followers: EndpointList,
    /// Those whom a user follows and who accepted it.
    pub following: EndpointList,
    /// Those who hear nothing of what a user does; without it nobody.
    pub apart: Option<EndpointList>,
    /// Those whom a user has blocked; without it that can't be asked, and private messages are withheld from nobody.
    pub blocked: Option<EndpointList>,
    /// How `{user}` stands to `{other}`: an object with some of `follows`, `followed`, `blocks`, `blocked`, `mutes`, `muted`, each true or
    /// false. 404 is false for all.
    pub between: Template,
}

/// The graph of the app's backend.
pub struct EndpointGraph {
    endpoints: Endpoints,
    templates: GraphTemplates,
    max_age: Duration,
}

impl EndpointGraph {
    /// The places of the URL for how two users stand to one another.
    pub const BETWEEN: &'static [&'static str] = &["user", "other"];

    /// `max_age` is how old what was read may be when it is used.
    pub fn new(endpoints: &Endpoints, templates: GraphTemplates, max_age: Duration) -> Self {
        Self { endpoints: endpoints.clone(), templates, max_age }
    }
}

type Users = BoxFuture<Result<Vec<UserId>, StoreError>>;

impl SocialGraph for EndpointGraph {
    fn followers(&self, of: UserId, after: Option<UserId>, limit: u32) -> Users {
        self.templates.followers.users(of.0, after, limit)
    }

    fn following(&self, by: UserId, after: Option<UserId>, limit: u32) -> Users {
        self.templates.following.users(by.0, after, limit)
    }

    fn apart(&self, from: UserId, after: Option<UserId>, limit: u32) -> Users {
        match &self.templates.apart {
            Some(list) => list.users(from.0, after, limit),
            None => Box::pin(async { Ok(Vec::new()) }),
        }
    }

    fn blocked(&self, by: UserId, after: Option<UserId>, limit: u32) -> Users {
        match &self.templates.blocked {
            Some(list) => list.users(by.0, after, limit),
            None => Box::pin(async { Ok(Vec::new()) }),
        }
    }

    fn lists_blocked(&self) -> bool {
        self.templates.blocked.is_some()
    }

    fn between(&self, user: UserId, other: UserId) -> BoxFuture<Result<Between, StoreError>> {
        let template = &self.templates.between;
        let asked = self.endpoints.ask(template, &[user.to_string(), other.to_string()], None);
        let setting = template.setting().to_owned();
        Box::pin(async move {
            match asked.await? {
                Answer::Found(body) => decode::<Stands>(&setting, &body).map(Between::from),
                Answer::Absent => Ok(Between::default()),
                Answer::Denied => Err(denied(&setting)),
            }
        })
    }

    fn max_age(&self) -> Option<Duration> {
        Some(self.max_age)
    }
}

/// [`Between`] as JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stands {
    follows: bool,
    followed: bool,
    blocks: bool,
    blocked: bool,
    mutes: bool,
    muted: bool,
}

impl From<Stands> for Between {
    fn from(stands: Stands) -> Self {
        let Stands { follows, followed, blocks, blocked, mutes, muted } = stands;
        Self { follows, followed, blocks, blocked, mutes, muted }
    }
}
