//! The rounds, the end.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;

use super::client::conversations;
use super::crowd::{Crowd, End, ask, prepare};
use super::verdict::{Stored, Verdict, judge};
use super::{Blow, Plan, ProveError, Watch, server::Server};
use crate::http::HttpError;

/// Kills the server as planned, lets all come to rest, and judges.
///
/// # Errors
/// There is no verdict: the server doesn't start, ends by itself, or the load stands still for a minute.
pub fn run(plan: &Plan, watch: &mut impl Watch) -> Result<Verdict, ProveError> {
    prepare(plan)?;
    let mut crowd = Crowd::new()?;
    let mut rounds = 0;
    for blow in &plan.blows {
        if crowd.complaint.is_some() || !watch.goes_on(rounds, crowd.acknowledged()) {
            break;
        }
        round(plan, blow, &mut crowd)?;
        rounds += 1;
    }
    watch.goes_on(rounds, crowd.acknowledged());
    let stored = rest(plan, &mut crowd)?;
    let mut verdict = judge(&stored, &crowd.clients);
    verdict.kills = rounds;
    if let Some(complaint) = crowd.complaint {
        verdict.disordered += 1;
        verdict.first_problem = Some(complaint);
    }
    Ok(verdict)
}

/// Starts the server, loads it, and has it killed.
fn round(plan: &Plan, blow: &Blow, crowd: &mut Crowd) -> Result<(), ProveError> {
    let before = crowd.acknowledged();
    match blow {
        Blow::Kill { after, then } => {
            let mut server = Server::start(plan, None)?;
            crowd.connect(server.address)?;
            let what = format!("{after} acknowledgements");
            let end = crowd.until(&what, &mut server, true, |crowd| crowd.acknowledged() >= before + after)?;
            if end == End::ServerEnded {
                return Err(ProveError::Ended(server.log_tail()));
            }
            let began = Instant::now();
            while began.elapsed() < *then {
                crowd.turn(true)?;
            }
            server.kill()?;
        }
        Blow::ByItself { variable, value } => {
            let mut server = Server::start(plan, Some((variable, value)))?;
            crowd.connect(server.address)?;
            crowd.until(&format!("the end at {value}"), &mut server, true, |_| false)?;
        }
    }
    crowd.runs_out()?;
    Ok(())
}

/// Starts the server once more, lets everybody have everything, and reads what is stored.
fn rest(plan: &Plan, crowd: &mut Crowd) -> Result<BTreeMap<String, Vec<Stored>>, ProveError> {
    let mut server = Server::start(plan, None)?;
    crowd.connect(server.address)?;
    let at_rest = |crowd: &Crowd| crowd.clients.iter().all(|client| client.app.is_at_rest());
    if crowd.until("the last acknowledgement", &mut server, false, at_rest)? == End::ServerEnded {
        return Err(ProveError::Ended(server.log_tail()));
    }
    let mut stored = BTreeMap::new();
    for (name, reader) in conversations() {
        let history = history(&server, &name, reader)?;
        stored.insert(name, history);
    }
    // Others' acknowledgements say nothing of what a receiver has: it comes after them, or is missed.
    let began = Instant::now();
    while !has_all(crowd, &stored) && began.elapsed() < ARRIVES_WITHIN {
        crowd.turn(false)?;
    }
    Ok(stored)
}

/// How long a committed message may take to its receivers before it is missed: what the protocol says.
const ARRIVES_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

fn has_all(crowd: &Crowd, stored: &BTreeMap<String, Vec<Stored>>) -> bool {
    let head = |name: &String| stored[name].last().map_or(0, |last| last.seq);
    crowd.clients.iter().all(|client| client.app.logs.iter().all(|(name, log)| log.head >= head(name)))
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Stored>,
    more: bool,
}

/// A conversation from its first message to its last; empty where there is none.
fn history(server: &Server, name: &str, reader: u64) -> Result<Vec<Stored>, ProveError> {
    let mut all: Vec<Stored> = Vec::new();
    loop {
        let after = all.last().map_or(0, |last| last.seq);
        let path = format!("/v1/conversations/{name}/messages?after={after}&limit=100&user={reader}");
        let body = match ask(server.address, "GET", &path) {
            // Nobody has written there. If somebody was told otherwise, all of it is lost.
            Err(ProveError::Http(HttpError::Refused(answer))) if answer.status == 404 => return Ok(all),
            other => other?,
        };
        let page: Page =
            serde_json::from_str(&body).map_err(|error| ProveError::Page(name.to_owned(), error.to_string()))?;
        let ends = page.messages.is_empty() || !page.more;
        all.extend(page.messages);
        if ends {
            return Ok(all);
        }
    }
}
