//! Users of the app's backend.

use serde_json::{Map, Value};
use tidings_engine::ports::{BoxFuture, Profile, StoreError, Users};
use tidings_wire::UserId;

use crate::{
    client::{Answer, Endpoints, decode, denied},
    template::Template,
};

/// The endpoint answers for `{user}` with `{"name": "Ann", "language": "de", "zone": "Europe/Berlin", …}`, each where it is known: all
/// other fields are the profile's free JSON. 404: there is no such user.
pub struct EndpointUsers {
    endpoints: Endpoints,
    template: Template,
}

impl EndpointUsers {
    /// The places of its URL.
    pub const PLACES: &'static [&'static str] = &["user"];

    /// Users at a URL with [`PLACES`](Self::PLACES).
    pub fn new(endpoints: &Endpoints, template: Template) -> Self {
        Self { endpoints: endpoints.clone(), template }
    }
}

impl Users for EndpointUsers {
    fn user(&self, id: UserId) -> BoxFuture<Result<Option<Profile>, StoreError>> {
        let asked = self.endpoints.ask(&self.template, &[id.to_string()], None);
        let setting = self.template.setting().to_owned();
        Box::pin(async move {
            match asked.await? {
                Answer::Found(body) => Ok(Some(Profile::from(decode::<Map<String, Value>>(&setting, &body)?))),
                Answer::Absent => Ok(None),
                Answer::Denied => Err(denied(&setting)),
            }
        })
    }
}
