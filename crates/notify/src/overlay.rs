//! What a configuration says of a subtype, over what the code says; and a sentence to look at before anybody gets it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};
use tidings_wire::Limit;

use crate::{
    kind::Kind,
    notify::Notify,
    texts::{Said, TextError, Texts},
};

/// Sentences by language (BCP 47) and form; see [`Kind::text`].
pub type Sentences = BTreeMap<String, BTreeMap<String, String>>;

/// What a configuration says of a subtype. What is absent stays as the code says it, or as it is for any kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overlay {
    /// How a settings page calls it.
    pub title: Option<String>,
    /// A language that is named is said in these words alone; others stay.
    pub texts: Sentences,
    /// The channels on which it goes unless its reader wants otherwise.
    pub channels: Option<Vec<String>>,
    /// Nobody can switch it off.
    pub mandatory: Option<bool>,
    /// Quiet hours don't hold it back.
    pub critical: Option<bool>,
    /// How long after a row's first event others are joined into it.
    pub window: Option<Duration>,
    /// How many new rows one recipient gets.
    pub limit: Option<Limit>,
}

impl Overlay {
    /// Reads sentences as a server would, so that what is wrong is known beforehand.
    ///
    /// # Errors
    /// The language and the form of the first that can't be read, and why.
    pub fn check(texts: &Sentences) -> Result<(), (String, String, TextError)> {
        let mut read = Texts::default();
        for (language, forms) in texts {
            for (form, template) in forms {
                let added = read.add(language, form, template);
                added.map_err(|error| (language.clone(), form.clone(), error))?;
            }
        }
        Ok(())
    }
}

impl Notify {
    /// With a subtype as a configuration says it: over the one that is there, or a new one. What cannot be read in its texts fails at
    /// build.
    #[must_use]
    pub fn overlaid(mut self, subtype: &str, overlay: Overlay) -> Self {
        let there = self.kinds.iter().rposition(|kind| kind.subtype == subtype);
        let mut kind = match there {
            Some(at) => self.kinds.remove(at),
            None => Kind::new(subtype.to_owned(), subtype.replace('_', " ")),
        };
        let Overlay { title, texts, channels, mandatory, critical, window, limit } = overlay;
        kind.title = title.unwrap_or(kind.title);
        kind.channels = channels.unwrap_or(kind.channels);
        kind.mandatory = mandatory.unwrap_or(kind.mandatory);
        kind.critical = critical.unwrap_or(kind.critical);
        kind.window = window.unwrap_or(kind.window);
        kind.limit = limit.unwrap_or(kind.limit);
        for (language, forms) in texts {
            kind.texts.forget(&language);
            for (form, template) in forms {
                if let Err(error) = kind.texts.add(&language, &form, &template) {
                    self.wrong.push((subtype.to_owned(), error));
                }
            }
        }
        self.kinds.push(kind);
        self
    }

    /// The subtypes, in no order.
    pub fn subtypes(&self) -> impl Iterator<Item = &str> {
        self.kinds.iter().map(|kind| &*kind.subtype)
    }

    /// The sentence of a subtype as a reader of this language gets it, where users of these names, the latest first, and as many more
    /// as make `count`, have done it. None where there is no such subtype, or it has no sentence of its own, or the sentence can't be made.
    pub fn preview(
        &self,
        subtype: &str,
        language: Option<&str>,
        names: &[String],
        count: u64,
        data: &Map<String, Value>,
    ) -> Option<String> {
        let kind = self.kinds.iter().rfind(|kind| kind.subtype == subtype)?;
        let shown = names.len().min(usize::try_from(count).unwrap_or(usize::MAX)).min(SHOWN);
        kind.texts.say(language, &Said { actors: &names[..shown], count, events: count, data })
    }
}

/// Actors whose names a sentence has.
const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(all: &[(&str, &str, &str)]) -> Sentences {
        let mut texts = Sentences::new();
        for (language, form, template) in all {
            let forms = texts.entry((*language).to_owned()).or_default();
            forms.insert((*form).to_owned(), (*template).to_owned());
        }
        texts
    }

    #[test]
    fn a_language_that_is_named_is_said_in_those_words_alone_and_the_rest_stays() {
        let texts = sentences(&[("en", "single", "{{ actor }} loves your post"), ("fr", "single", "{{ actor }} aime")]);
        let notify = Notify::standard().overlaid("post_like", Overlay { texts, ..Overlay::default() });
        let said = |language, count| {
            notify.preview("post_like", Some(language), &["Ann".to_owned()], count, &Map::new()).expect("a sentence")
        };
        assert_eq!(said("en", 1), "Ann loves your post");
        assert_eq!(said("en", 13), "Ann loves your post", "the old plural is gone with its language");
        assert_eq!(said("fr", 1), "Ann aime");
        assert_eq!(said("de", 1), "Ann gefällt dein Beitrag");
        assert_eq!(notify.subtypes().filter(|subtype| *subtype == "post_like").count(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_known_beforehand() {
        let checked = |all: &[(&str, &str, &str)]| Overlay::check(&sentences(all));
        assert!(checked(&[("en", "single", "{{ actor }}"), ("de", "other", "{{ others }}")]).is_ok());
        let (language, form, error) = checked(&[("en", "dozen", "")]).expect_err("no form");
        assert_eq!((&*language, &*form), ("en", "dozen"));
        assert!(matches!(error, TextError::Form(_)));
    }
}
