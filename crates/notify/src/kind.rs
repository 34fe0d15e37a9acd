//! A kind of notification: what a subtype is, declared in code or by the configuration.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;
use tidings_wire::{Limit, Notice};

use crate::texts::{TextError, Texts};

/// A notification declared in code: its data is the struct, all else about it is said here.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::Serialize;
/// use tidings_notify::{Notification, Notify};
///
/// /// Somebody has answered a question.
/// #[derive(Serialize, JsonSchema)]
/// struct Answered {
///     question: u64,
/// }
///
/// impl Notification for Answered {
///     const SUBTYPE: &'static str = "answered";
///     const TITLE: &'static str = "Answers to your questions";
///     const TEXTS: &'static [(&'static str, &'static str, &'static str)] = &[
///         ("en", "single", "{{ actor }} answered your question"),
///         ("en", "one", "{{ actor }} and {{ others }} other answered your question"),
///         ("en", "other", "{{ actor }} and {{ others }} others answered your question"),
///     ];
///
///     fn group(&self) -> Option<String> {
///         Some(format!("question:{}", self.question))
///     }
/// }
///
/// let pack = Notify::new().notification::<Answered>();
/// # drop(pack);
/// ```
pub trait Notification: Serialize + JsonSchema + Send + Sync + 'static {
    /// Its name: 1 to 40 of `a`–`z`, `0`–`9` and `_`, a letter first. Never reused for another meaning.
    const SUBTYPE: &'static str;

    /// How a settings page calls it.
    const TITLE: &'static str;

    /// Language (BCP 47), form, template; see [`Kind::text`].
    const TEXTS: &'static [(&'static str, &'static str, &'static str)];

    /// Nobody can switch it off.
    const MANDATORY: bool = false;

    /// Quiet hours don't hold it back.
    const CRITICAL: bool = false;

    /// How many new rows one recipient gets: so many at once, refilled evenly over the time. What is over is filtered.
    const LIMIT: Limit = Limit::NONE;

    /// The channels on which it goes unless its reader wants otherwise; `in_app` is the inbox.
    const CHANNELS: &'static [&'static str] = &[IN_APP];

    /// What it is joined with: those of one subtype and one group become one row a recipient. None: never joined.
    fn group(&self) -> Option<String> {
        None
    }
}

/// The channel that is the inbox.
pub const IN_APP: &str = "in_app";

/// A subtype, as the pack knows it.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name.
    pub(crate) subtype: Cow<'static, str>,
    /// How a settings page calls it.
    pub(crate) title: String,
    /// Nobody can switch it off.
    pub(crate) mandatory: bool,
    /// Quiet hours don't hold it back.
    pub(crate) critical: bool,
    /// The channels on which it goes unless its reader wants otherwise.
    pub(crate) channels: Vec<String>,
    /// How long after a row's first event others are still joined into it.
    pub(crate) window: Duration,
    /// How many new rows one recipient gets.
    pub(crate) limit: Limit,
    /// The sentences; those without need a `message` with each notice.
    pub(crate) texts: Texts,
}

/// How long others are joined into a row, unless the kind says otherwise.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

impl Kind {
    /// A subtype that goes to the inbox, without a sentence yet.
    pub fn new(subtype: impl Into<Cow<'static, str>>, title: impl Into<String>) -> Self {
        Self {
            subtype: subtype.into(),
            title: title.into(),
            mandatory: false,
            critical: false,
            channels: vec![IN_APP.to_owned()],
            window: WINDOW,
            limit: Limit::NONE,
            texts: Texts::default(),
        }
    }

    /// A sentence for one language (BCP 47) and one form: `single` where one user did it, or else the CLDR plural category (Unicode
    /// TR 35, part 3) of how many others did: `zero`, `one`, `two`, `few`, `many`, `other`. A form that is missing is said as
    /// `other`, and that as `single`.
    ///
    /// The template is Jinja's, with `actor` (a name), `others` (how many beside), `count` (how many did), `events` (how often),
    /// `actors` (the last ten names) and `data`.
    ///
    /// # Errors
    /// Where the language, the form or the template can't be read.
    pub fn text(mut self, language: &str, form: &str, template: &str) -> Result<Self, TextError> {
        self.texts.add(language, form, template)?;
        Ok(self)
    }

    /// Nobody can switch it off.
    #[must_use]
    pub fn mandatory(mut self) -> Self {
        self.mandatory = true;
        self
    }

    /// Quiet hours don't hold it back.
    #[must_use]
    pub fn critical(mut self) -> Self {
        self.critical = true;
        self
    }

    /// The channels on which it goes unless its reader wants otherwise.
    #[must_use]
    pub fn channels<C: Into<String>>(mut self, channels: impl IntoIterator<Item = C>) -> Self {
        self.channels = channels.into_iter().map(Into::into).collect();
        self
    }

    /// How long after a row's first event others are joined into it.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How many new rows one recipient gets: so many at once, refilled evenly over the time. What is over is filtered, and the trace
    /// says so; what is joined into a row that is there is not counted. It is counted in memory: a start begins anew.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// Of a notification that is declared in code.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn of<N: Notification>() -> Result<Self, TextError> {
        let mut kind = Self::new(N::SUBTYPE, N::TITLE);
        (kind.mandatory, kind.critical) = (N::MANDATORY, N::CRITICAL);
        kind.limit = N::LIMIT;
        kind.channels = N::CHANNELS.iter().map(|&channel| channel.to_owned()).collect();
        for (language, form, template) in N::TEXTS {
            kind.texts.add(language, form, template)?;
        }
        Ok(kind)
    }

    pub(crate) fn is_well_named(&self) -> bool {
        self.subtype.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && self.subtype.len() <= 40
            && self.subtype.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }
}

/// A notice of a notification that is declared in code.
///
/// # Errors
/// Where its serialisation fails, or is no object.
pub fn notice_of<N: Notification>(notification: &N) -> Result<Notice, serde_json::Error> {
    let data = serde_json::from_value(serde_json::to_value(notification)?)?;
    let group = notification.group().map(Cow::Owned);
    Ok(Notice { data, group, ..Notice::new(N::SUBTYPE) })
}

/// Every subtype, by its name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds(Arc<BTreeMap<String, Arc<Kind>>>);

impl Kinds {
    pub(crate) fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let named = kinds.into_iter().map(|kind| (kind.subtype.to_string(), Arc::new(kind)));
        Self(Arc::new(named.collect()))
    }

    pub(crate) fn get(&self, subtype: &str) -> Option<&Arc<Kind>> {
        self.0.get(subtype)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.0.values()
    }
}
