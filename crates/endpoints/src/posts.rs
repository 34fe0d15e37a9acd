//! Posts of the app's backend.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidings_engine::ports::{BoxFuture, Post, Posts, StoreError};
use tidings_wire::{PostId, UserId};

use crate::{
    client::{Answer, Endpoints, decode, denied},
    template::Template,
};

/// The endpoint answers for `{post}` with `{"owner": 7, …}`: all other fields are the post's details. 404: there is no such post.
pub struct EndpointPosts {
    endpoints: Endpoints,
    template: Template,
}

#[derive(Deserialize)]
struct Found {
    owner: UserId,
    #[serde(flatten)]
    details: Map<String, Value>,
}

impl EndpointPosts {
    /// The places of its URL.
    pub const PLACES: &'static [&'static str] = &["post"];

    /// Posts at a URL with [`PLACES`](Self::PLACES).
    pub fn new(endpoints: &Endpoints, template: Template) -> Self {
        Self { endpoints: endpoints.clone(), template }
    }
}

impl Posts for EndpointPosts {
    fn post(&self, id: PostId) -> BoxFuture<Result<Option<Post>, StoreError>> {
        let asked = self.endpoints.ask(&self.template, &[id.to_string()], None);
        let setting = self.template.setting().to_owned();
        Box::pin(async move {
            match asked.await? {
                Answer::Found(body) => {
                    let Found { owner, details } = decode(&setting, &body)?;
                    Ok(Some(Post { owner, details }))
                }
                Answer::Absent => Ok(None),
                Answer::Denied => Err(denied(&setting)),
            }
        })
    }
}
