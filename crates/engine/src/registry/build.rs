//! Registration: which types there are, checked as a whole before anything runs.

use std::collections::BTreeMap;

use tidings_wire::{Keep, Limit, Message, Senders};

use super::{
    TypeDescription, TypeEntry,
    receive::{Direct, Receive, WithHandler},
    schema,
};
use crate::{
    engine::TypeInfo,
    handle::Handle,
    rollout::{Gate, Rollout},
};

/// The types of a running engine, by name.
#[derive(Debug)]
pub struct Registry {
    entries: Vec<TypeEntry>,
    names: hashbrown::HashMap<&'static str, TypeIndex>,
}

/// A type's place in its registry.
pub(crate) type TypeIndex = u16;

/// Collects types. Registration is explicit and in any order.
#[derive(Default)]
pub struct RegistryBuilder {
    declared: Vec<Declared>,
    settings: BTreeMap<String, TypeSettings>,
}

/// What the configuration says of a type (`[types.<name>]`). What is none stays as the type declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeSettings {
    /// Shorter than the type's own, or [`Keep::Never`].
    pub keep: Option<Keep>,
    /// Who may send it.
    pub senders: Option<Senders>,
    /// How many of it a sender may send.
    pub limit: Option<Limit>,
    /// For whom the type is on, while nothing else is said at run time.
    pub rollout: Option<Rollout>,
}

/// Why types can't be registered together. The sentence says what to change.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two types of one name.
    #[error("the message type {0:?} is registered twice: names must be unique, rename one")]
    Twice(&'static str),
    /// The protocol uses the name itself.
    #[error("the message type {0:?} has a name that the protocol uses itself: choose another")]
    Reserved(&'static str),
    /// Not 1 to 40 of a–z, 0–9, _.
    #[error("the message type {0:?} needs a name of 1 to 40 characters a-z, 0-9 and _, a letter first")]
    Name(&'static str),
    /// A kept type that is in no stream.
    #[error("the message type {0:?} is kept but belongs to no conversation: set STREAM to true, or KEEP to Never")]
    KeptWithoutStream(&'static str),
    /// The schema can't stand beside the envelope.
    #[error("the message type {name:?} has a schema that does not fit: {problem}")]
    Schema {
        /// The type.
        name: &'static str,
        /// What is wrong, and what to change.
        problem: String,
    },
    /// The configuration keeps a type longer than it declares.
    #[error("[types.{0}] keep: configuration may shorten how long a type is kept or switch it off, not prolong it")]
    KeepLonger(&'static str),
    /// The configuration names a type that is not registered.
    #[error("[types.{name}] configures a message type that is not registered; registered are: {known}")]
    UnknownType {
        /// The name in the configuration.
        name: String,
        /// All names, with commas.
        known: String,
    },
}

struct Declared {
    name: &'static str,
    version: u16,
    keep: Keep,
    stream: bool,
    senders: Senders,
    limit: Limit,
    receive: Box<dyn Receive>,
    schema: serde_json::Value,
}

/// Whether a type may have the name by its form: 1 to 40 of a–z, 0–9, _, a letter first.
pub fn is_type_name(name: &str) -> bool {
    name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && name.len() <= 40
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Whether the protocol uses the name itself.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Names of the protocol's own frames.
const RESERVED: &[&str] = &[
    "hello",
    "welcome",
    "resumed",
    "ack",
    "error",
    "skip",
    "edit",
    "edited",
    "delete",
    "deleted",
    "history",
    "read",
    "typing",
    "watch",
    "unwatch",
    "presence",
    "attention",
    "inbox",
    "inbox_mark",
    "inbox_state",
    "token",
    "ping",
    "pong",
    "reset",
    "joined",
    "left",
    "drain",
    "notification",
    "message",
];

impl RegistryBuilder {
    /// A type whose messages are accepted as they are.
    pub fn message<M: Message>(&mut self) {
        self.declare::<M>(Box::new(Direct::<M>::new()));
    }

    /// A type whose messages pass a handler.
    pub fn message_with<M: Message>(&mut self, handler: impl Handle<M>) {
        self.declare::<M>(Box::new(WithHandler::new(handler)));
    }

    /// What the configuration says of a type.
    pub fn configure(&mut self, name: impl Into<String>, settings: TypeSettings) {
        self.settings.insert(name.into(), settings);
    }

    /// Checks all together. Pure: nothing is opened or started.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn build(mut self) -> Result<Registry, BuildError> {
        let (mut entries, mut names) = (Vec::new(), hashbrown::HashMap::new());
        for declared in std::mem::take(&mut self.declared) {
            let name = declared.name;
            let settings = self.settings.remove(name).unwrap_or_default();
            if names.insert(name, entries.len() as TypeIndex).is_some() {
                return Err(BuildError::Twice(name));
            }
            entries.push(declared.check(settings)?);
        }
        if let Some((name, _)) = self.settings.pop_first() {
            let mut known: Vec<_> = names.keys().copied().collect();
            known.sort_unstable();
            return Err(BuildError::UnknownType { name, known: known.join(", ") });
        }
        Ok(Registry { entries, names })
    }

    fn declare<M: Message>(&mut self, receive: Box<dyn Receive>) {
        self.declared.push(Declared {
            name: M::TYPE,
            version: M::VERSION,
            keep: M::KEEP,
            stream: M::STREAM,
            senders: M::SENDERS,
            limit: M::LIMIT,
            receive,
            schema: schemars::schema_for!(M).to_value(),
        });
    }
}

impl Declared {
    fn check(self, settings: TypeSettings) -> Result<TypeEntry, BuildError> {
        let name = self.name;
        if !is_type_name(name) {
            return Err(BuildError::Name(name));
        }
        if is_reserved(name) {
            return Err(BuildError::Reserved(name));
        }
        if self.keep != Keep::Never && !self.stream {
            return Err(BuildError::KeptWithoutStream(name));
        }
        schema::check(&self.schema).map_err(|problem| BuildError::Schema { name, problem })?;
        let keep = settings.keep.unwrap_or(self.keep);
        if keep_rank(keep) > keep_rank(self.keep) {
            return Err(BuildError::KeepLonger(name));
        }
        Ok(TypeEntry::new(
            name,
            self.version,
            keep,
            self.stream,
            settings.senders.unwrap_or(self.senders),
            settings.limit.unwrap_or(self.limit),
            Gate::new(settings.rollout),
            self.receive,
            self.schema,
        ))
    }
}

/// How long, as a number that grows with it.
fn keep_rank(keep: Keep) -> u128 {
    match keep {
        Keep::Never => 0,
        Keep::For(time) => time.as_nanos().saturating_add(1),
        Keep::Forever => u128::MAX,
    }
}

impl Registry {
    /// An empty builder.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    pub(crate) fn find(&self, name: &str) -> Option<TypeIndex> {
        self.names.get(name).copied()
    }

    /// The type in a place that [`Registry::find`] gave.
    pub(crate) fn at(&self, index: TypeIndex) -> &TypeEntry {
        &self.entries[usize::from(index)]
    }

    pub(crate) fn get(&self, name: &str) -> Option<&TypeEntry> {
        self.find(name).map(|index| self.at(index))
    }

    /// What is known of the types, by name.
    pub fn types(&self) -> Vec<TypeInfo> {
        let info = |entry: &TypeEntry| TypeInfo {
            name: entry.name,
            version: entry.version,
            kept: entry.kept(),
            keep: entry.keep(),
            stream: entry.stream,
            senders: entry.senders,
            limit: entry.limit,
            rollout: entry.rollout.in_force(),
            schema: entry.schema.clone(),
        };
        let mut types: Vec<_> = self.entries.iter().map(info).collect();
        types.sort_unstable_by_key(|info| info.name);
        types
    }

    /// What a type tells of itself by an example; none where there is no such type. The type's own `audience` is asked once.
    pub fn describe(&self, name: &str) -> Option<TypeDescription> {
        self.get(name).map(|entry| entry.describe().clone())
    }

    pub(crate) fn entries(&self) -> &[TypeEntry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use tidings_wire::{Audience, Sender};

    use super::*;

    macro_rules! message {
        ($name:ident, $kind:literal { $($field:ident: $type:ty),* } $($rest:tt)*) => {
            #[derive(Serialize, Deserialize, JsonSchema)]
            struct $name { $($field: $type),* }
            impl Message for $name {
                const TYPE: &'static str = $kind;
                $($rest)*
                fn audience(&self, _: &Sender) -> Audience { Audience::everyone() }
            }
        };
    }

    message!(Fine, "fine" { to: u32 } const KEEP: Keep = Keep::For(Duration::from_secs(60)); const STREAM: bool = true;);
    message!(Twin, "fine" { other: bool });
    message!(Hello, "hello" { to: u32 });
    message!(Shouting, "Shout" { to: u32 });
    message!(Envelope, "envelope" { seq: u32 });
    message!(Lost, "lost" { to: u32 } const KEEP: Keep = Keep::Forever;);

    fn built(add: impl FnOnce(&mut RegistryBuilder)) -> Result<Registry, BuildError> {
        let mut builder = Registry::builder();
        add(&mut builder);
        builder.build()
    }

    #[test]
    fn types_that_fit_are_found_by_name() {
        let registry = built(|to| to.message::<Fine>()).unwrap();
        assert!(registry.get("fine").is_some() && registry.get("other").is_none());
    }

    #[test]
    fn what_does_not_fit_fails_at_build() {
        let twice = built(|to| {
            to.message::<Fine>();
            to.message::<Twin>();
        });
        assert_eq!(twice.unwrap_err(), BuildError::Twice("fine"));
        assert_eq!(built(|to| to.message::<Hello>()).unwrap_err(), BuildError::Reserved("hello"));
        assert_eq!(built(|to| to.message::<Shouting>()).unwrap_err(), BuildError::Name("Shout"));
        assert_eq!(built(|to| to.message::<Lost>()).unwrap_err(), BuildError::KeptWithoutStream("lost"));
        let BuildError::Schema { problem, .. } = built(|to| to.message::<Envelope>()).unwrap_err() else { panic!() };
        assert!(problem.contains("`seq`"), "{problem}");
    }

    #[test]
    fn configuration_shortens_keeping_and_never_prolongs_it() {
        let with = |keep| {
            built(|to| {
                to.message::<Fine>();
                to.configure("fine", TypeSettings { keep: Some(keep), ..TypeSettings::default() });
            })
        };
        assert!(!with(Keep::Never).unwrap().get("fine").unwrap().kept());
        assert!(with(Keep::For(Duration::from_secs(9))).unwrap().get("fine").unwrap().kept());
        assert_eq!(with(Keep::Forever).unwrap_err(), BuildError::KeepLonger("fine"));
    }

    #[test]
    fn a_configured_type_must_exist() {
        let unknown = built(|to| {
            to.message::<Fine>();
            to.configure("fin", TypeSettings::default());
        });
        assert_eq!(unknown.unwrap_err(), BuildError::UnknownType { name: "fin".into(), known: "fine".into() });
    }
}
