//! `tidings tail --user 7`: what is decided about a user's notifications, and what changes in their inbox, as it comes.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;
use tidings_wire::UserId;

use super::{
    arguments::Tail,
    asking::Server,
    failure::Failure,
    output::{answer, explain},
    run::block_on,
    why::{line, time},
};

/// Lines of what was before.
const BEFORE: usize = 10;

/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(500);

/// How far the printing has come.
#[derive(Default)]
struct Position {
    /// The last step of the trace that was seen.
    step: Option<String>,
    /// The last change of the inbox that was seen.
    seq: u64,
    /// Unread and unseen.
    counted: Option<(u64, u64)>,
}

/// Prints a line for each, until it is stopped.
pub(super) fn run(command: &Tail, file: Option<PathBuf>) -> Result<(), Failure> {
    let server = Server::of(&command.asking, file)?;
    block_on(follow(&server, command.user, command.once))?
}

async fn follow(server: &Server, user: UserId, once: bool) -> Result<(), Failure> {
    let mut position = Position::default();
    for line in before(server, user, &mut position).await? {
        answer(&line)?;
    }
    if once {
        return Ok(());
    }
    explain(&format!("following user {user}"));
    let mut is_gone = false;
    loop {
        tokio::time::sleep(EVERY).await;
        match news(server, user, &mut position).await {
            Ok(lines) => {
                is_gone = false;
                for line in lines {
                    answer(&line)?;
                }
            }
            // A server that restarts is there again soon.
            Err(Failure::Failed(error)) if !is_gone => {
                is_gone = true;
                explain(&format!("{error:#}; it is asked again"));
            }
            Err(Failure::Failed(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// The latest lines that are there already.
async fn before(server: &Server, user: UserId, position: &mut Position) -> Result<Vec<String>, Failure> {
    let trace = ask(server, &format!("/v1/trace?user={user}&limit={BEFORE}")).await?;
    let steps: Vec<&Value> = trace["steps"].as_array().into_iter().flatten().rev().collect();
    position.step = Some(steps.last().and_then(|step| step["id"].as_str()).unwrap_or("0").to_owned());
    let mut lines: Vec<(i64, String)> = steps.iter().map(|step| (at(&step["at"]), line(step))).collect();
    lines.extend(inbox(server, user, position).await?);
    lines.sort_by_key(|(second, _)| *second);
    let skipped = lines.len().saturating_sub(BEFORE);
    Ok(lines.into_iter().skip(skipped).map(|(_, line)| line).collect())
}

/// The lines that came since.
async fn news(server: &Server, user: UserId, position: &mut Position) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    loop {
        let after = position.step.as_deref().unwrap_or("0");
        let trace = ask(server, &format!("/v1/trace?user={user}&limit=100&after={after}")).await?;
        let steps = trace["steps"].as_array().map_or(&[][..], Vec::as_slice);
        lines.extend(steps.iter().map(line));
        if let Some(last) = steps.last().and_then(|step| step["id"].as_str()) {
            position.step = Some(last.to_owned());
        }
        if trace["more"] != true || steps.is_empty() {
            break;
        }
    }
    lines.extend(inbox(server, user, position).await?.into_iter().map(|(_, line)| line));
    Ok(lines)
}

/// The rows that changed since, ascending, and the counters where they are others. Of more than a page the earlier ones are passed over.
async fn inbox(server: &Server, user: UserId, position: &mut Position) -> Result<Vec<(i64, String)>, Failure> {
    let page = ask(server, &format!("/v1/inbox?user={user}&limit=50")).await?;
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let rows = page["notifications"].as_array().map_or(&[][..], Vec::as_slice);
    let changed = rows.iter().filter(|row| number(&row["seq"]) > position.seq);
    let mut lines: Vec<(i64, String)> = changed.rev().map(|row| (at(&row["timestamp"]), row_line(row))).collect();
    position.seq = rows.iter().map(|row| number(&row["seq"])).max().unwrap_or_default().max(position.seq);
    let counted = (number(&page["unread"]), number(&page["unseen"]));
    if position.counted.is_some_and(|before| before != counted) {
        lines.push((i64::MAX, format!("the inbox has {} unread, {} unseen", counted.0, counted.1)));
    }
    position.counted = Some(counted);
    Ok(lines)
}

fn row_line(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    format!(
        "{}  {}: {:?} ({}, change {}, notification {})",
        time(at(&row["timestamp"])),
        text("subtype"),
        text("message"),
        text("state"),
        row["seq"],
        text("id")
    )
}

fn at(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

async fn ask(server: &Server, path: &str) -> Result<Value, Failure> {
    server
        .get(path)
        .await?
        .ok_or_else(|| Failure::Usage(format!("the server has no {path}: it keeps no notifications")))
}
