//! What will be asked, and what not and why: decided and told before anything is sent.

use std::fmt::Write;

use bench::probe::Rate;

use super::{
    super::failure::Failure,
    arguments::Bench,
    deployment::{Kept, Types},
    scenario::Scenario,
};

/// What is asked of a server.
#[derive(Debug)]
pub(super) struct Agenda {
    /// In their order; `connect` is the first.
    pub(super) asked: Vec<Scenario>,
    /// What is left out, and why.
    left_out: Vec<(Scenario, &'static str)>,
    /// What of it the server keeps.
    stored: Vec<Scenario>,
    rate: Rate,
    seconds: u64,
    users: u32,
}

impl Agenda {
    /// Everything that is allowed, or what was asked for by name.
    ///
    /// # Errors
    /// Something that was asked for by name is not allowed.
    pub(super) fn decide(flags: &Bench, users: u32, types: Types, has_key: bool) -> Result<Self, Failure> {
        let wanted = |scenario: &Scenario| flags.scenario.is_empty() || flags.scenario.contains(scenario);
        let mut agenda = Self {
            asked: Vec::new(),
            left_out: Vec::new(),
            stored: Vec::new(),
            rate: flags.rate.unwrap_or(Rate::PerSecond(f64::from(users) * DELIVERIES_EACH)),
            seconds: flags.seconds,
            users,
        };
        for scenario in Scenario::ALL.into_iter().filter(|scenario| *scenario == Scenario::Connect || wanted(scenario))
        {
            let stored = stored(scenario, types);
            match hindrance(scenario, types, has_key).or((stored && !flags.kept).then_some(NEEDS_KEPT)) {
                Some(why) if !flags.scenario.is_empty() => {
                    return Err(Failure::Usage(format!("--scenario {scenario}: {why}")));
                }
                Some(why) => agenda.left_out.push((scenario, why)),
                None => {
                    agenda.asked.push(scenario);
                    agenda.stored.extend(stored.then_some(scenario));
                }
            }
        }
        Ok(agenda)
    }

    /// Deliveries a second.
    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// What is about to happen, for whoever may still press Ctrl-C.
    pub(super) fn announcement(&self, server: &str, span: &str, group: u64) -> String {
        let Self { asked, left_out, stored, rate, seconds, users } = self;
        let mut text = format!("tidings bench asks {server}\n");
        let mut line = |name: &str, what: &str| {
            writeln!(text, "  {name:<9} {what}").expect("writing to a String never fails");
        };
        let names = |of: &[Scenario]| of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let total = seconds * asked.len() as u64;
        line("who", &format!("{users} connections, one each of the users {span}"));
        line("what", &format!("{}; {seconds} s each at most, so about {total} s", names(asked)));
        line("how fast", &format!("{rate}: pings, and deliveries of messages"));
        let sent = match self.most_messages(asked) {
            Some(0) => "no messages".to_owned(),
            Some(most) => format!("at most {most} messages, to these users alone; nobody else gets anything"),
            None => "as many messages as are answered, to these users alone; nobody else gets anything".to_owned(),
        };
        line("messages", &sent);
        if asked.contains(&Scenario::Group) {
            line("group", &format!("{group}: these users become its members, and are taken out afterwards"));
        }
        if !stored.is_empty() {
            let most = self.most_messages(stored).map_or("all".to_owned(), |most| format!("at most {most}"));
            let kept = format!("{most} messages of {} stay in the server's database for ever (--kept)", names(stored));
            line("kept", &kept);
        }
        for (scenario, why) in left_out {
            line("left out", &format!("{scenario}: {why}"));
        }
        text
    }

    /// The most messages that these scenarios send; `None` where the rate doesn't bound them.
    fn most_messages(&self, scenarios: &[Scenario]) -> Option<u64> {
        let users = f64::from(self.users);
        let most = |scenario: Scenario| {
            let receivers = match scenario {
                Scenario::Connect | Scenario::Idle | Scenario::Ping => return Some(0),
                Scenario::Private1 | Scenario::Private32 => 1.0,
                Scenario::Push => users,
                Scenario::Group => users - 1.0,
            };
            let Rate::PerSecond(rate) = self.rate else { return None };
            // The first goes out at once.
            Some((rate * self.seconds as f64 / receivers).ceil() as u64 + 1)
        };
        scenarios.iter().map(|&scenario| most(scenario)).sum()
    }
}

/// What each connection's share of the rate is, without `--rate`: as many messages a second as the limits of `private` and
/// `group` let one user send all day.
const DELIVERIES_EACH: f64 = 2.0;

const NEEDS_KEPT: &str = "the server would keep these messages for ever; --kept allows that";

fn stored(scenario: Scenario, types: Types) -> bool {
    let kept = match scenario {
        Scenario::Connect | Scenario::Idle | Scenario::Ping => return false,
        Scenario::Private1 | Scenario::Private32 => types.private,
        Scenario::Push => types.broadcast,
        Scenario::Group => types.group,
    };
    kept == Kept::Stored
}

/// Why something can't be asked at all.
fn hindrance(scenario: Scenario, types: Types, has_key: bool) -> Option<&'static str> {
    const NO_TYPE: &str = "the server doesn't know this message type";
    const NO_KEY: &str = "it needs --key, a service key of this server";
    match scenario {
        Scenario::Connect | Scenario::Idle | Scenario::Ping => None,
        Scenario::Private1 | Scenario::Private32 => (types.private == Kept::Unknown).then_some(NO_TYPE),
        Scenario::Push if types.broadcast == Kept::Stored => Some("this server keeps broadcasts"),
        Scenario::Push if types.broadcast == Kept::Unknown => Some(NO_TYPE),
        Scenario::Group if types.group == Kept::Unknown => Some(NO_TYPE),
        Scenario::Push | Scenario::Group => (!has_key).then_some(NO_KEY),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    const STORING: Types = Types { private: Kept::Stored, group: Kept::Stored, broadcast: Kept::Never };

    fn decide(more: &[&str], types: Types, has_key: bool) -> Result<Agenda, Failure> {
        let line = [&["tidings", "--url", "http://x", "--dev"], more].concat();
        Agenda::decide(&Line::parse_from(line).bench, 100, types, has_key)
    }

    fn asked(more: &[&str], types: Types, has_key: bool) -> Vec<String> {
        decide(more, types, has_key).unwrap().asked.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nothing_is_kept_that_was_not_allowed() {
        assert_eq!(asked(&[], STORING, false), ["connect", "idle", "ping"]);
        assert_eq!(asked(&[], STORING, true), ["connect", "idle", "ping", "push"]);
        assert_eq!(asked(&["--kept"], STORING, false), ["connect", "idle", "ping", "private1", "private32"]);
        let keeps_nothing = Types { private: Kept::Never, group: Kept::Never, ..STORING };
        assert_eq!(asked(&[], keeps_nothing, true).len(), Scenario::ALL.len());
    }

    #[test]
    fn what_is_asked_for_by_name_and_not_allowed_is_refused() {
        assert_eq!(asked(&["--scenario", "ping"], STORING, true), ["connect", "ping"]);
        let refused = |more: &[&str], types, key| decide(more, types, key).unwrap_err().to_string();
        assert!(refused(&["--scenario", "private1"], STORING, true).contains("--kept allows that"));
        assert!(refused(&["--scenario", "push"], STORING, false).contains("needs --key"));
        let bare = Types { private: Kept::Unknown, group: Kept::Unknown, broadcast: Kept::Unknown };
        assert!(refused(&["--scenario", "group"], bare, true).contains("doesn't know this message type"));
    }

    #[test]
    fn the_announcement_bounds_the_messages_and_says_what_stays() {
        let text = decide(&["--kept"], STORING, true).unwrap().announcement("http://x", "1 to 100", 5);
        // 2 × (200/s × 10 s + 1) private, 20 + 1 pushes, 21 + 1 to the group.
        assert!(text.contains("at most 4045 messages, to these users alone"), "{text}");
        assert!(text.contains("at most 4024 messages of private1, private32, group stay"), "{text}");
        let text = decide(&["--rate", "none"], STORING, false).unwrap().announcement("http://x", "1 to 100", 5);
        assert!(text.contains("no messages") && text.contains("private1: the server would keep"), "{text}");
    }
}
