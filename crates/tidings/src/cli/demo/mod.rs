//! `tidings demo`: a cast that talks over real WebSockets, and an invitation to join.
//!
//! | file | holds |
//! |---|---|
//! | `run` | the server, the cast, the script, the end |
//! | `seat` | one connection of one of the cast |
//! | `cast` | all of them, and who hears what |
//! | `post` | Ann's post, which some of them like |
//! | `script` | what is said, and who must hear it |
//! | `join` | what a visitor may paste, and Ann who answers |
//! | `folder` | a data folder that is gone afterwards |

mod cast;
mod folder;
mod join;
mod post;
mod run;
mod script;
mod seat;

pub(super) use run::run;
