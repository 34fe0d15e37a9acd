//! What is wrong, where, and what to do: the outcome of a run.

use std::fmt;
use std::path::Path;

use anyhow::Result;

use super::tree::Tree;
use super::{banned, layers, length, text};

/// Checks the whole repository, prints each violation as `path:line: what is wrong, and what to do`, and the total.
///
/// # Errors
/// The repository can't be read, or cargo can't tell its packages.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let tree = Tree::read(root)?;
    let packages = layers::packages(root)?;
    let mut report = Report::default();
    length::check(&tree, &mut report);
    layers::check(&packages, &tree, &mut report);
    banned::check(&tree, &mut report);
    text::check(&tree, &mut report);
    report.print(tree.files.len());
    Ok(report.violations.is_empty())
}

/// What a run found.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Fail the run.
    pub(super) violations: Vec<Finding>,
    /// Are only shown, at the end.
    pub(super) warnings: Vec<Finding>,
}

impl Report {
    pub(super) fn violation(&mut self, path: &str, line: usize, message: impl Into<String>) {
        self.violations.push(Finding { path: path.to_owned(), line, message: message.into() });
    }

    pub(super) fn warning(&mut self, path: &str, line: usize, message: impl Into<String>) {
        self.warnings.push(Finding { path: path.to_owned(), line, message: message.into() });
    }

    fn print(&mut self, files: usize) {
        self.violations.sort();
        self.warnings.sort();
        for violation in &self.violations {
            println!("{violation}");
        }
        for warning in &self.warnings {
            println!("warning: {warning}");
        }
        println!("{files} files, {} violations, {} warnings", self.violations.len(), self.warnings.len());
    }
}

/// One line of the report.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) path: String,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}
