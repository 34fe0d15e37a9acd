//! What can be asked of a server.

use std::fmt;

use clap::ValueEnum;

/// One thing asked, in the order in which they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Scenario {
    /// The upgrades; always asked, because all else needs the connections
    Connect,
    /// Connections that do nothing
    Idle,
    /// There and back, without a message
    Ping,
    /// One to one, one message under way
    Private1,
    /// The same with 32 under way
    Private32,
    /// A backend to all test users
    Push,
    /// One user to a group of all
    Group,
}

impl Scenario {
    pub(super) const ALL: [Self; 7] =
        [Self::Connect, Self::Idle, Self::Ping, Self::Private1, Self::Private32, Self::Push, Self::Group];

    /// The message type that it sends.
    pub(super) fn message_type(self) -> Option<&'static str> {
        match self {
            Self::Connect | Self::Idle | Self::Ping => None,
            Self::Private1 | Self::Private32 => Some("private"),
            Self::Push => Some("broadcast"),
            Self::Group => Some("group"),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no scenario is hidden");
        f.write_str(value.get_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_asked_in_their_order() {
        assert!(Scenario::ALL.is_sorted());
        assert_eq!(Scenario::ALL.map(|scenario| scenario.to_string())[..2], ["connect", "idle"]);
    }
}
