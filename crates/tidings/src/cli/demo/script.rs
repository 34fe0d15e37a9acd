//! What is said, who must hear it, and the transcript of it.

use std::{fmt::Write, time::Duration};

use serde_json::{Value, json};

use super::cast::{ANNS_LAPTOP, ANNS_PHONE, BOB, CLEO, Cast, DAN, Heard, check};

/// The group of the play.
pub(super) const GROUP: u32 = 5;

/// Plays everything, and hands each part of the transcript to `tell`. With Ann's post, if there is one, it is liked too.
///
/// # Errors
/// Where a message does not arrive, or another than the right one does.
pub(super) async fn play(cast: &mut Cast, post: Option<&Value>, mut tell: impl FnMut(&str)) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for line in lines().into_iter().chain(post.into_iter().flat_map(of_post)) {
        let heard = cast.exchange(line.from, &line.frame, line.hearers).await?;
        for one in &heard {
            line.check(one)?;
        }
        tell(&line.told(cast, &heard));
        times.extend(heard.iter().map(|heard| heard.after));
    }
    tell(&summary(times));
    Ok(())
}

/// One thing that is said.
struct Line {
    from: usize,
    to: &'static str,
    frame: Value,
    hearers: &'static [usize],
    /// The code, where it must be refused.
    refused: Option<&'static str>,
    remark: &'static str,
}

fn lines() -> Vec<Line> {
    let private = |to: u32, content: &str| json!({"type": "private", "to": to, "content": content});
    let group = |content: &str| json!({"type": "group", "group_id": GROUP, "content": content});
    let line = |from, to, frame, hearers, remark| Line { from, to, frame, hearers, refused: None, remark };
    vec![
        line(
            ANNS_PHONE,
            "to Bob",
            private(2, "Lunch at noon?"),
            &[BOB, ANNS_LAPTOP],
            "her other connection hears it too",
        ),
        line(
            BOB,
            "to Ann",
            json!({"type": "private", "to": 1, "content": "Gladly!", "from": 3, "timestamp": 0}),
            &[ANNS_PHONE, ANNS_LAPTOP],
            "he claimed to be user 3; the server knows better: from is 2",
        ),
        line(
            CLEO,
            "to group 5",
            group("May I come along?"),
            &[ANNS_PHONE, ANNS_LAPTOP, BOB],
            "every member's every connection but the sending one",
        ),
        line(ANNS_LAPTOP, "to group 5", group("Of course."), &[ANNS_PHONE, BOB, CLEO], ""),
        Line {
            from: DAN,
            to: "to group 5",
            frame: group("And me?"),
            hearers: &[DAN],
            refused: Some("not_a_member"),
            remark: "he is no member; his connection stays open",
        },
        line(
            DAN,
            "to everyone",
            json!({"type": "broadcast", "content": "The cafe is full today"}),
            &[ANNS_PHONE, ANNS_LAPTOP, BOB, CLEO, DAN],
            "every connection, his own too; not kept",
        ),
        line(ANNS_PHONE, "to Bob", private(2, "Tomorrow, then."), &[BOB, ANNS_LAPTOP], ""),
    ]
}

/// What is done with Ann's post. Bob follows her; Cleo and Dan don't.
fn of_post(post: &Value) -> [Line; 2] {
    let acts = |from, action: &str, content: Option<&str>, remark| Line {
        from,
        to: "on Ann's post",
        frame: json!({"type": "post_action", "post_id": post, "action": action, "content": content}),
        hearers: &[ANNS_PHONE, ANNS_LAPTOP, BOB],
        refused: None,
        remark,
    };
    [
        acts(
            DAN,
            "like",
            None,
            "the post's owner and the owner's followers; the like is stored, a second one would tell nobody",
        ),
        acts(CLEO, "comment", Some("Break a leg!"), ""),
    ]
}

impl Line {
    fn check(&self, heard: &Heard) -> anyhow::Result<()> {
        match self.refused {
            Some(code) => check(heard, "error", "code", &json!(code)),
            None => {
                let kind = self.frame["type"].as_str().unwrap_or_default();
                check(heard, kind, "content", &self.frame["content"])
            }
        }
    }

    fn told(&self, cast: &Cast, heard: &[Heard]) -> String {
        let kind = self.frame["type"].as_str().unwrap_or_default();
        let said = if self.frame["content"].is_null() { &self.frame["action"] } else { &self.frame["content"] };
        let mut text = format!("{} {}, {kind}: {said}\n", cast.name(self.from), self.to);
        for one in heard {
            let _ = writeln!(text, "    {:<13} {:>6} µs   {}", one.name, one.after.as_micros(), what(&one.frame));
        }
        if !self.remark.is_empty() {
            let _ = writeln!(text, "    ({})", self.remark);
        }
        text
    }
}

/// What stands in a frame beside what was said.
fn what(frame: &Value) -> String {
    if frame["type"] == "error" {
        return format!("refused: {}", frame["code"].as_str().unwrap_or_default());
    }
    let from = &frame["from"];
    match (frame["conversation"].as_str(), frame["seq"].as_u64()) {
        (Some(conversation), Some(seq)) => format!("received from {from}, kept as {conversation} number {seq}"),
        _ => format!("received from {from}"),
    }
}

fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let (count, median) = (times.len(), times.get(times.len() / 2).copied().unwrap_or_default().as_micros());
    format!(
        "{count} frames arrived, each where it should and nowhere else, half of them within {median} µs.\n\
         Private and group messages were on disk before anybody received them."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transcript_says_who_received_what_and_how_fast() {
        let frame = json!({"type": "private", "from": 2, "conversation": "dm:1:2", "seq": 3, "content": "x"});
        assert_eq!(what(&frame), "received from 2, kept as dm:1:2 number 3");
        assert_eq!(what(&json!({"type": "broadcast", "from": 4})), "received from 4");
        assert_eq!(what(&json!({"type": "error", "code": "not_a_member"})), "refused: not_a_member");
        let times = [9, 1, 5].map(Duration::from_micros).to_vec();
        assert!(summary(times).starts_with("3 frames arrived") && summary(Vec::new()).contains("0 frames"));
    }
}
