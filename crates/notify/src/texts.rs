//! The sentence of a notification, in the reader's language.

use std::{collections::BTreeMap, fmt, sync::Arc};

use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRuleType, PluralRules, PluralRulesOptions};
use minijinja::{Environment, context};
use serde_json::{Map, Value};

/// A sentence that can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// No language tag.
    #[error("{0:?} is no language tag of BCP 47, such as \"de\" or \"pt-BR\"")]
    Language(String),
    /// No form.
    #[error("{0:?} is no form: single, zero, one, two, few, many, other")]
    Form(String),
    /// No template.
    #[error("read the template {template:?}")]
    Template {
        /// What was to be read.
        template: String,
        /// What is wrong with it.
        source: minijinja::Error,
    },
}

/// What a sentence is about.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    /// The names of the last ten, the latest first; none where nobody in particular did it.
    pub(crate) actors: &'a [String],
    pub(crate) count: u64,
    pub(crate) events: u64,
    pub(crate) data: &'a Map<String, Value>,
}

/// The sentences of a kind, by language and form.
#[derive(Clone, Default)]
pub(crate) struct Texts(BTreeMap<String, Language>);

#[derive(Clone)]
struct Language {
    rules: Arc<PluralRules>,
    forms: BTreeMap<&'static str, Arc<Template>>,
}

/// A template with its environment: it has no other, so what it can do is what is written here.
struct Template(Environment<'static>);

/// The name of the one template in an environment.
const NAME: &str = "text";

/// The language that is taken where there is none of the reader's.
const FALLBACK: &str = "en";

/// Characters of a sentence; what is beyond is cut off.
const LONGEST: usize = 500;

/// The forms of a sentence: `single`, and the plural categories of CLDR.
pub const FORMS: [&str; 7] = ["single", "zero", "one", "two", "few", "many", "other"];

impl Texts {
    pub(crate) fn add(&mut self, language: &str, form: &str, template: &str) -> Result<(), TextError> {
        let locale: Locale = language.parse().map_err(|_| TextError::Language(language.to_owned()))?;
        let known = FORMS.iter().find(|known| **known == form).ok_or_else(|| TextError::Form(form.to_owned()))?;
        let options = PluralRulesOptions::default().with_type(PluralRuleType::Cardinal);
        let rules = PluralRules::try_new((&locale).into(), options);
        let rules = rules.map_err(|_| TextError::Language(language.to_owned()))?;
        let mut environment = Environment::empty();
        let failed = |source| TextError::Template { template: template.to_owned(), source };
        environment.add_template_owned(NAME, template.to_owned()).map_err(failed)?;
        can_be_made(&environment).map_err(failed)?;
        let entry = self.0.entry(language.to_ascii_lowercase());
        let entry = entry.or_insert_with(|| Language { rules: Arc::new(rules), forms: BTreeMap::new() });
        entry.forms.insert(known, Arc::new(Template(environment)));
        Ok(())
    }

    /// What is said in a language is said no more.
    pub(crate) fn forget(&mut self, language: &str) {
        self.0.remove(&language.to_ascii_lowercase());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sentence; none where there is none in any language, or it fails.
    pub(crate) fn say(&self, language: Option<&str>, said: &Said<'_>) -> Option<String> {
        let spoken = self.look_up(language)?;
        let others = said.count.saturating_sub(1);
        let form = if others == 0 { "single" } else { category(spoken.rules.category_for(others)) };
        let found = [form, "other", "single"].iter().find_map(|form| spoken.forms.get(form))?;
        let actor = said.actors.first();
        let values = context! {
            actor => actor, others => others, count => said.count, events => said.events,
            actors => said.actors, data => said.data,
        };
        let rendered = found.0.get_template(NAME).and_then(|template| template.render(values));
        match rendered {
            Ok(text) => Some(shortened(text)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a notification's text can't be made");
                None
            }
        }
    }

    /// By the lookup of RFC 4647 §3.4: the tag itself, then without its last part, and so on; then English, then whatever there is.
    fn look_up(&self, language: Option<&str>) -> Option<&Language> {
        let tag = language.unwrap_or(FALLBACK).to_ascii_lowercase().replace('_', "-");
        let mut tag = tag.as_str();
        loop {
            if let Some(found) = self.0.get(tag) {
                return Some(found);
            }
            match tag.rsplit_once('-') {
                Some((shorter, _)) => tag = shorter,
                None => break,
            }
        }
        self.0.get(FALLBACK).or_else(|| self.0.values().next())
    }
}

/// Refuses what no data could make good: a filter, test or function that is not there.
fn can_be_made(environment: &Environment<'_>) -> Result<(), minijinja::Error> {
    use minijinja::ErrorKind::{UnknownFilter, UnknownFunction, UnknownTest};
    let made = environment.get_template(NAME).and_then(|template| template.render(context! {}));
    match made {
        Err(error) if matches!(error.kind(), UnknownFilter | UnknownFunction | UnknownTest) => Err(error),
        _ => Ok(()),
    }
}

fn category(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

pub(crate) fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
    }
    text
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Texts {
        let mut texts = Texts::default();
        for (language, form, template) in [
            ("en", "single", "{{ actor }} liked your post"),
            ("en", "one", "{{ actor }} and {{ others }} other liked your post"),
            ("en", "other", "{{ actor }} and {{ others }} others liked your post"),
            ("de", "single", "{{ actor }} gefällt dein Beitrag"),
            ("de", "other", "{{ actor }} und {{ others }} anderen gefällt dein Beitrag"),
            ("pl", "few", "{{ actor }} i {{ others }} inne"),
            ("pl", "many", "{{ actor }} i {{ others }} innych"),
        ] {
            texts.add(language, form, template).expect(template);
        }
        texts
    }

    fn say(language: Option<&str>, count: u64) -> Option<String> {
        let said = Said { actors: &["Ann".to_owned()], count, events: count, data: &Map::new() };
        texts().say(language, &said)
    }

    #[test]
    fn a_sentence_has_the_form_of_how_many_others_there_are() {
        for (language, count, expected) in [
            ("en", 1, "Ann liked your post"),
            ("en", 2, "Ann and 1 other liked your post"),
            ("en", 13, "Ann and 12 others liked your post"),
            ("de", 2, "Ann und 1 anderen gefällt dein Beitrag"),
            ("pl", 4, "Ann i 3 inne"),
            ("pl", 6, "Ann i 5 innych"),
        ] {
            assert_eq!(say(Some(language), count).as_deref(), Some(expected), "{language} {count}");
        }
    }

    #[test]
    fn a_language_is_looked_up_from_the_narrow_to_the_wide() {
        assert_eq!(say(Some("de-AT-1996"), 1), say(Some("de"), 1));
        assert_eq!(say(Some("DE_at"), 1), say(Some("de"), 1));
        assert_eq!(say(Some("fr"), 1), say(Some("en"), 1));
        assert_eq!(say(None, 1), say(Some("en"), 1));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let mut texts = Texts::default();
        assert!(matches!(texts.add("no language", "one", ""), Err(TextError::Language(_))));
        assert!(matches!(texts.add("en", "dozen", ""), Err(TextError::Form(_))));
        let error = texts.add("en", "one", "{{ actor ").unwrap_err();
        assert_eq!(error.to_string(), "read the template \"{{ actor \"");
        assert!(texts.add("en", "one", "{{ actors | join(', ') }}").is_err(), "there are no filters");
        assert!(texts.add("en", "one", "{{ data.lesson.title }}").is_ok(), "what data lacks is known when it comes");
    }

    #[test]
    fn a_sentence_ends_somewhere() {
        let mut texts = Texts::default();
        texts.add("en", "single", &"ü".repeat(2_000)).unwrap();
        let said = Said { actors: &[], count: 1, events: 1, data: &Map::new() };
        assert_eq!(texts.say(None, &said).unwrap().chars().count(), LONGEST);
    }
}
