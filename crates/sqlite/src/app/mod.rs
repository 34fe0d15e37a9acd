//! The app's own tables as ports: statements of the configuration, asked of the app's own SQLite file, which is only ever read.
//!
//! | file | holds |
//! |---|---|
//! | `database` | the file: a few connections that read, each with a thread, behind one bounded queue, with a time limit |
//! | `query` | a statement of the configuration, checked at the start: parameters, columns, that it only reads |
//! | `values` | how ids stand in the app's tables; columns as JSON |
//! | `pages` | statements that list users, paged by themselves or here |
//! | `sessions`, `groups`, `posts`, `graph`, `users` | the ports |

mod database;
mod graph;
mod groups;
mod pages;
mod posts;
mod query;
mod sessions;
mod users;
mod values;

pub use database::{AppDatabase, AppError, AppOptions};
pub use graph::{AppGraph, GraphQueries};
pub use groups::AppGroups;
pub use pages::{AppList, UNPAGED_ROWS};
pub use posts::AppPosts;
pub use query::{QueryError, Sql};
pub use sessions::AppSessions;
pub use users::AppUsers;
pub use values::UuidForm;
