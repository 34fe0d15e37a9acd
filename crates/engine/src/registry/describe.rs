//! What a type tells of itself by an example: the example, and whom it would reach.

use serde_json::{Value, json};
use tidings_wire::{Sender, Set, UserId};

use super::{TypeEntry, audience_words, example};

/// What a type tells of itself by an example.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeDescription {
    /// A frame that the type takes, `type` included: the first of the schema's `examples`, else one made from the schema. None
    /// where no such frame was found: `#[schemars(example = …)]` on the struct gives one.
    pub example: Option<Value>,
    /// Who hears the example, in words that name its fields. None without one.
    pub audience: Option<String>,
    /// Whether a group is among those who hear the example: then whoever is no member is refused.
    pub to_group: bool,
    /// Whether a handler decides about its messages, which may refuse one, change it, or address others.
    pub handled: bool,
}

/// Who sends the example.
const SENDER: UserId = UserId::new(1);

/// Makes an example and asks the type whom it would reach.
pub(super) fn describe(entry: &TypeEntry) -> TypeDescription {
    let sender = Sender::user_only(SENDER);
    let handled = entry.receive.handled();
    for mut example in example::candidates(&entry.schema) {
        let Some(fields) = example.as_object_mut() else { continue };
        fields.insert("type".to_owned(), json!(entry.name));
        if let Some(audience) = entry.receive.would_reach(&example.to_string(), &sender) {
            let to_group = audience.to.iter().any(|set| matches!(set, Set::Group(_)));
            let audience = Some(audience_words::words(&audience, &example, SENDER, entry.kept()));
            return TypeDescription { example: Some(example), audience, to_group, handled };
        }
    }
    TypeDescription { handled, ..TypeDescription::default() }
}
