//! `[types.<name>]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::configuration::{KeepFor, Rate, RolloutFor};

/// `[types.<name>]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TypeSection {
    /// How long the type's messages are kept: shorter than the type declares, or `"never"`. What is older is deleted for good, a
    /// little at a time; readers are told to skip it.
    pub keep: Option<KeepFor>,
    /// Who may send it: `users` (and services), or services alone with a key. A user who may not gets `not_allowed`.
    pub senders: Option<WhoSends>,
    /// How many a sender may send: so many at once, refilled evenly over the time. One more gets `limited` with the wait.
    pub limit: Option<Rate>,
    /// For whom the type is on: a share of the users in percent, always the same users, and at most 10,000 by their ids. For the
    /// others it is `not_enabled`. What is set by `PUT /v1/types/{type}/rollout` wins until it is taken back by `DELETE`.
    pub rollout: Option<RolloutFor>,
}

/// Who may send a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum WhoSends {
    /// Users, and services.
    Users,
    /// Services alone, by a key.
    Service,
}
