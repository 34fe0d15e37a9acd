//! What to change when something fails, in sentences.

use bench::{
    connection::ConnectionError,
    handshake::HandshakeError,
    http::HttpError,
    load::LoadError,
    probe::{Person, ProbeError},
};
use serde_json::Value;

use super::{identity::Way, scenario::Scenario};

/// Knows how the users were identified, and so what is wrong when they are refused.
#[derive(Clone, Debug)]
pub(super) struct Advice {
    pub(super) way: Way,
}

impl Advice {
    /// A user was refused by HTTP: at the upgrade, or when something was asked.
    pub(super) fn user_refused(&self, user: &str, status: u16, body: &str) -> String {
        let detail = detail(body);
        let what = match status {
            401 => self.credential(),
            403 => "if a proxy or page adds an `Origin`, name it in the server's setting `server.origins`".to_owned(),
            404 | 426 => "is this the server's own port, and nothing else's?".to_owned(),
            429 => "raise that setting while you measure, or ask for fewer with --connections".to_owned(),
            503 => "the server is stopping or its store fails: look at /readyz and its log".to_owned(),
            _ => "is this a Tidings server, and does a proxy before it let WebSockets through?".to_owned(),
        };
        format!("user {user} was refused with {status}{detail}; {what}")
    }

    /// A service key was refused.
    pub(super) fn key_refused(&self, status: u16, body: &str) -> String {
        let detail = detail(body);
        let what = match status {
            401 => "--key takes a key that `tidings keys new --name bench` made with this server's data folder",
            403 => "the key needs the scopes send (for push), and read and admin (for group)",
            413 => "ask for fewer with --connections, or raise `server.body_bytes` while you measure",
            501 => "members of groups are kept elsewhere in this deployment: leave `group` out with --scenario",
            _ => "look at the server's log",
        };
        format!("the key was refused with {status}{detail}; {what}")
    }

    fn credential(&self) -> String {
        match &self.way {
            Way::Dev => {
                "--dev needs a server started with --dev: for any other give --token-file, or sign tokens with --data \
                         or --secret-file"
                    .to_owned()
            }
            Way::Given(path) => {
                format!("`tidings token check` says what is wrong with a token of {}", path.display())
            }
            Way::Signed(from) => format!(
                "tokens were signed with the secret of {from}: is that this server's, and does --config name its issuer \
                 and audience?"
            ),
        }
    }

    /// What ended a scenario.
    pub(super) fn ended(&self, scenario: Scenario, error: &ProbeError, people: &[Person]) -> String {
        match error {
            ProbeError::Load(error) => self.load(scenario, error, people),
            ProbeError::Push(HttpError::Refused(answer)) => self.key_refused(answer.status, &answer.body),
            ProbeError::TooSlow { open, wanted, time } => format!(
                "{open} of {wanted} connections were open after {} s: ask for fewer with --connections, or give more time \
                 with --seconds",
                time.as_secs()
            ),
            ProbeError::Process { pid, .. } => format!(
                "{}: --pid {pid} takes the server's process on this machine, of the same user as this one or seen as root",
                chain(error)
            ),
            error => chain(error),
        }
    }

    fn load(&self, scenario: Scenario, error: &LoadError, people: &[Person]) -> String {
        let name = |user: usize| people.get(user.wrapping_sub(1)).map_or("?", |person| person.id.trim_matches('"'));
        match error {
            LoadError::Upgrade { user, source: HandshakeError::Refused { status, body, .. } } => {
                self.user_refused(name(*user), *status, body)
            }
            LoadError::Upgrade { user, source } => {
                format!("user {} could not connect: {source}; is this a Tidings server?", name(*user))
            }
            LoadError::NotAnswered { user } => format!(
                "user {} could not connect: the connection was closed unanswered. The server has ended, or one address has \
                 as many as `limits.http_connections_per_address` allows",
                name(*user)
            ),
            LoadError::Ended { user, source } => {
                format!("the connection of user {} ended: {}", name(*user), end(source))
            }
            LoadError::Refused { user, code, message } => {
                format!(
                    "a message of user {} was refused with {code} ({message}); {}",
                    name(*user),
                    refusal(scenario, code)
                )
            }
            LoadError::Unexpected { user, text } => {
                format!("user {} got what is no message: {text}", name(*user))
            }
            LoadError::Silent(time) => format!("the server said nothing for {} s: does it live?", time.as_secs()),
            LoadError::System(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                "nobody listens there any more: the server has ended".to_owned()
            }
            error => chain(error),
        }
    }
}

/// What to do about an error frame.
fn refusal(scenario: Scenario, code: &str) -> String {
    let kind = scenario.message_type().unwrap_or("this type");
    match code {
        "limited" => format!(
            "that is `[types.{kind}] limit` in the server's configuration: lift it while you measure (`limit = \"none\"`), \
             send fewer with --rate, or spread them over more users with --connections"
        ),
        "not_allowed" => format!("`[types.{kind}] senders` in the server's configuration says who may send it"),
        "not_enabled" => format!("`[types.{kind}] rollout` in the server's configuration leaves test users out"),
        "not_a_member" => "somebody else changed the group meanwhile: name an unused one with --group".to_owned(),
        "unavailable" => "its store is full, failing or behind: look at /readyz, and send fewer with --rate".to_owned(),
        _ => "see the codes in `tidings spec codes`".to_owned(),
    }
}

fn end(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Closed { code: 1012, .. } => "the server is stopping or restarts (1012)".to_owned(),
        ConnectionError::Closed { code: 4409, .. } => {
            "it did not read fast enough (4409): this machine is the slower one, so send fewer with --rate".to_owned()
        }
        ConnectionError::Closed { code: 4402 | 4403, reason } => format!("its token holds no longer ({reason})"),
        ConnectionError::Cut | ConnectionError::Socket(_) => {
            "it was cut without a close: the server has ended, or what stands before it".to_owned()
        }
        error => chain(error),
    }
}

/// The server's sentence from a problem document (RFC 9457), with what joins it to the words before.
fn detail(body: &str) -> String {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let text = problem["detail"].as_str().unwrap_or_else(|| body.lines().next().unwrap_or_default());
    let text: String = text.chars().filter(|found| !found.is_control()).take(300).collect();
    if text.is_empty() { text } else { format!(" ({text})") }
}

/// An error with its causes, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: &str = r#"{"status":429,"detail":"this address has 5, the most that `limits.x` allows"}"#;

    #[test]
    fn a_refusal_passes_the_servers_sentence_on_and_says_what_to_change() {
        let said = Advice { way: Way::Dev }.user_refused("7", 429, PROBLEM);
        assert!(said.contains("`limits.x` allows") && said.contains("--connections"), "{said}");
        let said = Advice { way: Way::Dev }.user_refused("7", 401, "");
        assert!(said.contains("refused with 401; --dev needs a server started with --dev"), "{said}");
        let said = Advice { way: Way::Signed("./data".to_owned()) }.user_refused("7", 401, "no <html>\n\u{1b}[2J");
        assert!(said.contains("(no <html>)") && said.contains("secret of ./data"), "{said}");
    }

    #[test]
    fn a_limit_is_named_by_the_type_that_was_sent() {
        for (scenario, setting) in
            [(Scenario::Private32, "[types.private] limit"), (Scenario::Group, "[types.group] limit")]
        {
            assert!(refusal(scenario, "limited").contains(setting));
        }
    }
}
