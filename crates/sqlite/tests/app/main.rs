//! The app's own tables as ports, on real files: the guide's tables, and what can be wrong with them.
#![expect(clippy::unwrap_used, reason = "a test that can not go on fails where it stands")]

mod checks;
mod contract;
mod guide;
mod support;
mod trouble;
