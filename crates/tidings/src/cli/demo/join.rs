//! What a visitor may paste, and Ann who answers.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{
    cast::{ANNS_PHONE, Cast, USERS},
    script::GROUP,
};

/// Who a visitor joins as.
pub(super) const VISITOR: u32 = 7;

/// What to paste.
pub(super) fn invitation(server: SocketAddr) -> String {
    format!(
        r#"The server stays up until Ctrl-C. Join as user {VISITOR}, who is in group {GROUP} too; Ann answers.

  In a browser: open http://{server}/healthz (pages of other sites are refused), and in its console:
    socket = new WebSocket("ws://{server}/ws?user={VISITOR}");
    socket.onmessage = (event) => console.log(event.data);
    socket.onopen = () => {{
      socket.send(JSON.stringify({{type: "private", to: 1, content: "Hello, Ann"}}));
      socket.send(JSON.stringify({{type: "group", group_id: {GROUP}, content: "Hello, all"}}));
      socket.send(JSON.stringify({{type: "broadcast", content: "Hello, world"}}));
    }};

  With websocat: websocat "ws://{server}/ws?user={VISITOR}"
    {{"type":"private","to":1,"content":"Hello, Ann"}}

  With curl:
    curl -s "http://{server}/v1/messages?user={VISITOR}" -H "Content-Type: application/json" \
         -d '{{"type":"private","to":1,"content":"Hello, Ann"}}'
    curl -s "http://{server}/v1/conversations/dm:1:2/messages?user=1"
"#
    )
}

/// Tells what the cast hears from visitors, and lets Ann answer, until a connection ends.
pub(super) async fn host(cast: &mut Cast, tell: impl Fn(&str)) -> anyhow::Result<()> {
    loop {
        let (seat, frame) = cast.next().await?;
        let text = &frame["content"];
        let from = &frame["from"];
        match frame["type"].as_str() {
            Some("error") => tell(&format!("{} was refused: {}", cast.name(seat), frame["message"])),
            Some(kind) => tell(&format!("{} heard from user {from}, {kind}: {text}", cast.name(seat))),
            None => {}
        }
        if seat == ANNS_PHONE
            && let Some(answer) = anns_answer(&frame)
        {
            cast.say(ANNS_PHONE, &answer).await?;
        }
    }
}

/// Ann answers private messages of visitors. Those of the cast she leaves alone, so that nobody talks in circles.
fn anns_answer(frame: &Value) -> Option<Value> {
    let from = &frame["from"];
    let visitor = !from.as_u64().is_some_and(|id| USERS.iter().any(|&user| u64::from(user) == id));
    let addressed = frame["type"] == "private" && frame["to"] == 1 && visitor;
    let heard = frame["content"].as_str()?;
    addressed.then(|| json!({"type": "private", "to": from, "content": format!("Ann here. You said: {heard}")}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ann_answers_visitors_and_nobody_else() {
        let private = |from: Value| json!({"type": "private", "to": 1, "from": from, "content": "hi"});
        let answer = anns_answer(&private(json!(7))).unwrap();
        assert_eq!(answer, json!({"type": "private", "to": 7, "content": "Ann here. You said: hi"}));
        assert!(anns_answer(&private(json!("018f4f4e-7f4e-7c3e-8f4e-7f4e7c3e8f4e"))).is_some());
        assert!(anns_answer(&private(json!(2))).is_none());
        assert!(anns_answer(&json!({"type": "group", "group_id": 5, "from": 7, "content": "hi"})).is_none());
    }

    #[test]
    fn the_invitation_names_the_address() {
        let text = invitation("127.0.0.1:4567".parse().unwrap());
        assert!(text.contains(r#"new WebSocket("ws://127.0.0.1:4567/ws?user=7")"#), "{text}");
    }
}
