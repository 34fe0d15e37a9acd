//! The configuration: what may be set, where it is read from, how it is explained.
//!
//! | file | holds |
//! |---|---|
//! | `sections/` | one struct a section: the only place that names a setting, its default and its meaning |
//! | `catalogue` | the settings as a list, taken from those structs |
//! | `sources` | file, environment, flags, in this order |
//! | `load` | sources in, [`Configuration`] or problems out |
//! | `problem`, `place` | what is wrong, and where it stands |
//! | `doc`, `show` | what `config doc` and `config show` print |
//! | `time_span`, `topic_pattern`, `keep`, `rate`, `rollout`, `texts`, `listen`, `networks`, `secret` | values with a form of their own |

mod catalogue;
mod check;
mod doc;
mod keep;
mod listen;
mod load;
mod networks;
mod place;
mod problem;
mod rate;
mod rollout;
mod secret;
mod sections;
mod show;
mod sources;
mod texts;
mod time_span;
mod topic_pattern;
mod tree;

pub use doc::markdown;
pub use keep::KeepFor;
pub use listen::Listen;
pub use load::{Loaded, load};
pub use networks::{Origin, Proxy};
pub use place::Place;
pub use problem::{Problem, Problems};
pub use rate::Rate;
pub use rollout::RolloutFor;
pub use secret::Secret;
pub use sections::{
    Algorithm, AppApartSection, AppBetweenSection, AppFollowersSection, AppFollowingSection, AppGroupsSection,
    AppPostsSection, AppSection, AppSessionsSection, AppUsersSection, Auth, ChannelsSection, Configuration,
    EngineSection, Limits, Log, LogFormat, NotificationSection, PushSection, ServerSection, SocialActs, SocialSection,
    Source, SqliteSection, StoreKind, TopicsSection, TypeSection, Uuids, WebhooksSection, WhoSends,
};
pub use show::show;
pub use sources::{Flag, Sources};
pub use texts::TextsBy;
pub use time_span::TimeSpan;
pub use topic_pattern::TopicPattern;
