//! `tidings why ID`: why somebody was notified, or not, or not yet.

use std::{fmt::Write, path::PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use tidings_wire::{MessageId, UserId};

use super::{
    arguments::Why,
    asking::Server,
    failure::Failure,
    output::{answer, explain},
    run::block_on,
};

/// Pages of steps that are printed; what is beyond can be asked for over HTTP.
const PAGES: usize = 10;

/// Anybody: without a key a server with `--dev` is asked, which believes whoever asks.
const ANYBODY: UserId = UserId::new(1);

/// Prints where it stands, and each step in its order.
pub(super) fn run(command: &Why, file: Option<PathBuf>) -> Result<(), Failure> {
    let server = Server::of(&command.asking, file)?;
    block_on(tell(&server, command.id))?
}

async fn tell(server: &Server, id: MessageId) -> Result<(), Failure> {
    let mut path = format!("/v1/trace/{id}?limit=100");
    for page in 0..PAGES {
        let Some(trace) = server.get(&server.by(&path, ANYBODY)).await? else {
            answer(&format!(
                "{id}: nothing is known of it. It was given at {}, and is no notification's, or older than the trace, or was \
                 taken back, or caused no notification.",
                time(id.unix_ms() / 1_000)
            ))?;
            return Err(Failure::No);
        };
        if page == 0 {
            answer(&head(id, &trace))?;
        }
        let steps = trace["steps"].as_array().map_or(&[][..], Vec::as_slice);
        for step in steps {
            answer(&line(step))?;
        }
        match steps.last().and_then(|step| step["id"].as_str()) {
            Some(last) if trace["more"] == true => path = format!("/v1/trace/{id}?limit=100&after={last}"),
            _ => return Ok(()),
        }
    }
    explain(&format!("there are more: GET {path}"));
    Ok(())
}

/// What the id is of, and where that stands.
fn head(id: MessageId, trace: &Value) -> String {
    let mut said = String::new();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(row) = trace.get("notification") {
        let flag = |name: &str, words: &'static str| if row[name] == true { words } else { "" };
        let group = row.get("group").map(|group| format!(", joined by {}", text(group))).unwrap_or_default();
        let _ = write!(
            said,
            "{id} is a notification of user {}: {}{group}{}{}\n  {} by {}\n  {} users, {} events",
            text(&row["user"]),
            text(&row["subtype"]),
            flag("request", ", among the requests"),
            flag("removed", ", which is gone"),
            text(&row["state"]),
            text(&row["by"]),
            row["count"],
            row["events"],
        );
        for actor in row["actors"].as_array().into_iter().flatten() {
            let notice = actor.get("notice").map(|notice| format!(", by the notice {}", text(notice)));
            let _ = write!(said, "\n  user {}{}", text(&actor["user"]), notice.unwrap_or_default());
        }
        return said;
    }
    let _ = write!(said, "{id} is a notice, taken {}", time(id.unix_ms() / 1_000));
    if let Some(job) = trace.get("job") {
        let after = job.get("after").map(|after| format!(", the last one {}", text(after))).unwrap_or_default();
        let (to, done, subtype) = (text(&job["to"]), &job["done"], text(&job["subtype"]));
        let _ = write!(said, "\n  work goes on: {subtype} to {to}; {done} recipients are decided about{after}");
    }
    said
}

/// One step.
pub(super) fn line(step: &Value) -> String {
    let said = step["say"].as_str().unwrap_or_default();
    let subtype = step["subtype"].as_str().unwrap_or_default();
    format!("{}  {subtype}: {said}", time(step["at"].as_i64().unwrap_or_default()))
}

/// A second as people read it, in UTC.
pub(super) fn time(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |time| time.to_string())
}
