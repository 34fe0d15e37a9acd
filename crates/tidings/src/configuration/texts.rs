//! Sentences by language and form, as the configuration says them: `texts.en.single = "…"`.

use std::{borrow::Cow, error::Error};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use tidings_notify::{FORMS, Overlay, Sentences, TextError};

/// Sentences by language and form, each of which can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TextsBy(pub Sentences);

impl TextsBy {
    /// What is taken, for documentation and errors; also the schema's `format`, by which the catalogue knows the kind.
    pub(super) const FORM: &'static str = "table such as `{ en = { single = \"{{ actor }} did it\", other = \"…\" } }`";
}

impl<'de> Deserialize<'de> for TextsBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Sentences::deserialize(deserializer)?;
        Overlay::check(&texts).map_err(|(language, form, error)| de::Error::custom(said(&language, &form, &error)))?;
        Ok(Self(texts))
    }
}

/// Where it stands, what is wrong, and what to write in its place.
fn said(language: &str, form: &str, error: &TextError) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let nearest = match error {
        TextError::Form(form) => {
            let near = |known: &&&str| strsim::normalized_damerau_levenshtein(form, known);
            let nearest = FORMS.iter().max_by(|a, b| near(a).total_cmp(&near(b))).expect("there are forms");
            format!("; the nearest known one is `{language}.{nearest}`")
        }
        _ => String::new(),
    };
    format!("`{language}.{form}`: {error}{cause}{nearest}")
}

impl JsonSchema for TextsBy {
    fn schema_name() -> Cow<'static, str> {
        "TextsBy".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "format": Self::FORM})
    }
}
