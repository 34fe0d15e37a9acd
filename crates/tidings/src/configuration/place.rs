//! Where a value stands.

use std::{fmt, path::PathBuf};

use toml::de::{DeTable, DeValue};

/// Where a value of the configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Nobody set it.
    Default,
    /// A line of the file.
    File {
        /// As it was named.
        path: PathBuf,
        /// From 1; none where it can't be told.
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The line on which a key stands in a TOML text, from 1. A key of an inline table or of a dotted name has its own.
pub(super) fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let mut table = DeTable::parse(text).ok()?.into_inner();
    let (last, parents) = path.split_last()?;
    for parent in parents {
        let (key, _) = table.iter().find(|(key, _)| key.get_ref() == parent)?;
        let key = key.clone();
        match table.remove(&key)?.into_inner() {
            DeValue::Table(inner) => table = inner,
            _ => return None,
        }
    }
    let (key, _) = table.iter().find(|(key, _)| key.get_ref() == last)?;
    Some(text.get(..key.span().start)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_on_its_line_however_it_is_written() {
        let text = "# first\n[server]\nlisten = \"x\"\n\n[types.poke]\nkeep = \"never\"\n[limits]\nenabled = true\n";
        let line = |path: &[&str]| line_of(text, &path.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(line(&["server", "listen"]), Some(3));
        assert_eq!(line(&["types", "poke", "keep"]), Some(6));
        assert_eq!(line(&["limits", "enabled"]), Some(8));
        assert_eq!(line(&["limits", "other"]), None);
        assert_eq!(line_of("\nserver.listen = 1", &["server".into(), "listen".into()]), Some(2));
    }
}
