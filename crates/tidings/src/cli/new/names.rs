//! What a type is called: on the wire, as a module, as a struct.

use tidings_engine::registry::{is_reserved, is_type_name};

/// The names of a new type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// On the wire; also the module's.
    pub(super) kind: String,
    /// The struct's.
    pub(super) name: String,
}

/// Words that can't be a module's name (The Rust Reference, "Keywords"), and names that a crate's own files have.
const NO_MODULE: [&str; 56] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "lib", "loop", "macro", "main",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
    "tests", "tidings", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
    "while", "yield", "std",
];

/// Names that the written files use themselves: a struct so called gets a longer one.
const TAKEN: [&str; 19] = [
    "Audience",
    "Box",
    "Code",
    "Context",
    "Deserialize",
    "Err",
    "JsonSchema",
    "Keep",
    "Me",
    "None",
    "Ok",
    "Option",
    "Reject",
    "Result",
    "Sender",
    "Serialize",
    "Some",
    "String",
    "UserId",
];

impl Names {
    /// Those of a type, where it can be called so beside those that are registered.
    ///
    /// # Errors
    /// Why it can't, and what to change.
    pub(super) fn of<'a>(kind: &str, mut registered: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        if !is_type_name(kind) {
            return Err(format!("{kind:?} is no type's name: 1 to 40 characters a-z, 0-9 and _, a letter first"));
        }
        if is_reserved(kind) {
            return Err(format!("{kind:?} is a name that the protocol uses itself: choose another"));
        }
        if registered.any(|known| known == kind) {
            return Err(format!("a type {kind:?} is registered already: choose another name"));
        }
        if NO_MODULE.contains(&kind) {
            return Err(format!("no module of Rust can be called {kind:?}: choose another name"));
        }
        let words = kind.split('_').filter(|word| !word.is_empty());
        let name: String = words.map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let name = if TAKEN.contains(&name.as_str()) { format!("{name}Message") } else { name };
        Ok(Self { kind: kind.to_owned(), name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: &str) -> Result<String, String> {
        Names::of(kind, ["private"].into_iter()).map(|names| names.name)
    }

    #[test]
    fn a_struct_is_called_as_its_type_in_capitals() {
        assert_eq!(named("poke").unwrap(), "Poke");
        assert_eq!(named("friend_request_2").unwrap(), "FriendRequest2");
        assert_eq!(named("context").unwrap(), "ContextMessage");
    }

    #[test]
    fn what_can_be_no_name_is_refused_with_what_to_change() {
        for (kind, says) in [
            ("", "1 to 40 characters"),
            ("Poke", "1 to 40 characters"),
            ("2nd", "1 to 40 characters"),
            ("po-ke", "1 to 40 characters"),
            ("../poke", "1 to 40 characters"),
            ("hello", "the protocol uses itself"),
            ("private", "registered already"),
            ("match", "no module of Rust"),
            ("tests", "no module of Rust"),
        ] {
            let problem = named(kind).unwrap_err();
            assert!(problem.contains(says) && problem.contains(&format!("{kind:?}")), "{problem}");
        }
        assert!(named(&"a".repeat(41)).is_err() && named(&"a".repeat(40)).is_ok());
    }
}
