//! `[topics]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::configuration::TopicPattern;

/// `[topics]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TopicsSection {
    /// Patterns of the topics that every user may watch, such as `score:*`, in which each `*` stands for any characters. A `watch` of
    /// another is refused with `not_allowed`. With `--dev` all topics are open.
    pub open: Vec<TopicPattern>,
}
