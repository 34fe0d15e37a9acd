//! `[social]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[social]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SocialSection {
    /// Whether posts, follows and what users do with them are there at all. Without them their routes are not found, and `post_action` is
    /// an unknown type. Their tables stay.
    pub enabled: bool,
    /// Whether likes, comments and shares are stored with their counters, or only told, because the app stores them itself.
    pub acts: SocialActs,
}

/// What becomes of likes, comments and shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum SocialActs {
    /// They are stored and told.
    #[default]
    Store,
    /// They are told.
    Announce,
}

impl Default for SocialSection {
    fn default() -> Self {
        Self { enabled: true, acts: SocialActs::default() }
    }
}
