//! Where the users of a scenario connect, and with what.

use std::net::SocketAddr;
use std::time::Duration;

use crate::dialect::{Dialect, Greeting};
use crate::handshake;
use crate::identity::Credentials;
use crate::load::{Door, Introduction, Load, LoadError};

/// Upgrades under way at once: well under any listener's backlog, where a full one costs a second.
const OPENING_AT_ONCE: usize = 64;

/// Where the server is, who connects, and how long it may be silent.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server's address.
    pub address: SocketAddr,
    /// Path and query of the upgrade; `{user}` stands for the user's number.
    pub path: String,
    /// What each user shows at the upgrade.
    pub credentials: Credentials,
    /// What the connections speak.
    pub dialect: Dialect,
    /// The user's number of the connection at index 0; the others follow.
    pub first_user: usize,
    /// A run in which nothing at all happens for this long has failed.
    pub silence: Duration,
}

impl Target {
    /// The same server for users from `first_user` on.
    #[must_use]
    pub fn from_user(&self, first_user: usize) -> Self {
        Self { first_user, ..self.clone() }
    }

    /// The same server in another dialect.
    #[must_use]
    pub fn speaking(&self, dialect: Dialect) -> Self {
        Self { dialect, ..self.clone() }
    }

    /// The bytes of a user's upgrade.
    #[must_use]
    pub fn request(&self, user: usize) -> String {
        let path = self.path.replace("{user}", &user.to_string());
        let more = [self.credentials.line(user), self.dialect.line()].concat();
        handshake::request(&self.address.to_string(), &path, &more)
    }
}

impl Load {
    /// Connects and upgrades `users` connections; those of `tidings.v1` are also greeted, each with a `hello` that resumes
    /// nothing.
    ///
    /// # Errors
    /// The first connection that the server refuses or cuts; silence.
    pub fn open(target: &Target, users: usize) -> Result<Self, LoadError> {
        match target.dialect {
            Dialect::Guide => Self::open_at_once(target, users, OPENING_AT_ONCE, None),
            Dialect::V1 => {
                let mut greeting = Greeting::new(target.first_user, users);
                Self::open_at_once(target, users, OPENING_AT_ONCE, Some(&mut greeting))
            }
        }
    }

    /// The same, with so many on their way at once and an introduction of one's own.
    ///
    /// # Errors
    /// As [`Load::open`], and what the introduction refuses.
    pub fn open_at_once(
        target: &Target,
        users: usize,
        at_once: usize,
        introduction: Option<&mut dyn Introduction>,
    ) -> Result<Self, LoadError> {
        let Target { address, first_user, silence, .. } = *target;
        let request = |index: usize| target.request(first_user + index);
        let door = Door { address, at_once, first_user, silence, request: &request };
        Self::enter(&door, users, introduction, &mut |_| true).map(|(load, _)| load)
    }
}
