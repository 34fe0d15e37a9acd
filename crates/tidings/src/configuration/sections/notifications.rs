//! `[notifications.<name>]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_notify::Overlay;

use crate::configuration::{Rate, TextsBy, TimeSpan};

/// `[notifications.<name>]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NotificationSection {
    /// How a settings page calls it, such as `Likes of your posts`.
    pub title: Option<String>,
    /// Its sentences, by language and form: `texts.en.single` where one user did it, `texts.en.one`, `texts.en.other` and so on by how many
    /// others did (the plural categories of CLDR). They are Jinja templates with `actor`, `others`, `count`, `events`, `actors` and `data`.
    /// A language that is named is said in these words alone; other languages of a built-in kind stay.
    pub texts: Option<TextsBy>,
    /// The channels on which it goes unless its reader wants otherwise: `in_app` is the inbox.
    pub channels: Option<Vec<String>>,
    /// Whether nobody can switch it off, nor be kept from it by a block or a mute.
    pub mandatory: Option<bool>,
    /// Whether it comes in quiet hours too.
    pub critical: Option<bool>,
    /// How long after the first of its kind about one thing others are joined with it in one row, such as `24h`.
    #[schemars(extend("x-least" = "1s"))]
    pub window: Option<TimeSpan>,
    /// How many new rows one recipient gets: so many at once, refilled evenly over the time. What is over is not given, and the trace says
    /// `limit`.
    pub limit: Option<Rate>,
}

impl NotificationSection {
    /// As the pack takes it.
    pub(crate) fn overlay(&self) -> Overlay {
        let mut overlay = Overlay::default();
        overlay.title.clone_from(&self.title);
        overlay.texts = self.texts.clone().unwrap_or_default().0;
        overlay.channels.clone_from(&self.channels);
        (overlay.mandatory, overlay.critical) = (self.mandatory, self.critical);
        overlay.window = self.window.map(|window| window.0);
        overlay.limit = self.limit.map(|limit| limit.0);
        overlay
    }
}
