//! The first frame of `tidings.v1`, read: which streams go on from where.

use tidings_wire::{
    Code, ConversationKey, Reject, Seq, StreamKey,
    client_frames::{Hello as Frame, MAX_HEADS},
};

use crate::head::{parse, read_head};

/// A `hello`, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Comes back in `welcome` and `resumed`.
    pub reference: Option<i64>,
    /// Who it is, where the upgrade's credentials did not say.
    pub token: Option<String>,
    /// The epoch of the heads.
    pub epoch: Option<String>,
    /// The last seq held of each conversation that is to be resumed.
    pub heads: Vec<(ConversationKey, Seq)>,
    /// The last change held of the inbox.
    pub inbox: Option<Seq>,
}

impl Hello {
    /// Reads the first frame; none where it is another one than `hello`.
    ///
    /// # Errors
    /// What is wrong with the `hello`, with its `ref` where that could be read.
    pub fn read(json: &str) -> Option<Result<Self, (Option<i64>, Reject)>> {
        let head = read_head(json).ok().filter(|head| head.kind == "hello")?;
        let read = parse::<Frame>(json).and_then(check);
        Some(read.map_err(|reject| (head.reference, reject)))
    }
}

fn check(frame: Frame) -> Result<Hello, Reject> {
    let Frame { reference, token, epoch, heads, .. } = frame;
    if heads.len() > MAX_HEADS {
        return Err(Reject::new(Code::TooLarge, format!("a hello resumes at most {MAX_HEADS} streams")));
    }
    if epoch.is_none() && !heads.is_empty() {
        return Err(Reject::field(
            "epoch",
            "say the epoch of the heads: the `welcome` of the connection before told it",
        ));
    }
    let mut hello = Hello { reference, token, epoch, ..Hello::default() };
    for (stream, seq) in heads {
        let key = stream.parse().map_err(|error| Reject::field(format!("heads.{stream}"), format!("{error}")))?;
        match key {
            StreamKey::Conversation(conversation) => hello.heads.push((conversation, seq)),
            StreamKey::Inbox => hello.inbox = Some(seq),
        }
    }
    Ok(hello)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Reject {
        Hello::read(json).unwrap().unwrap_err().1
    }

    #[test]
    fn a_hello_says_where_each_stream_goes_on() {
        let json = r#"{"type":"hello","ref":1,"epoch":"e","heads":{"dm:2:7":41,"group:5":3,"inbox":12}}"#;
        let hello = Hello::read(json).unwrap().unwrap();
        let heads = [("dm:2:7", 41), ("group:5", 3)].map(|(name, seq)| (name.parse().unwrap(), seq));
        assert_eq!((hello.heads, hello.inbox, hello.reference), (heads.to_vec(), Some(12), Some(1)));
        assert_eq!(Hello::read(r#"{"type":"hello"}"#), Some(Ok(Hello::default())));
        assert_eq!(Hello::read(r#"{"type":"private","to":2}"#), None);
        assert_eq!(Hello::read("no JSON"), None);
    }

    #[test]
    fn a_hello_that_makes_no_sense_says_what_to_change() {
        assert_eq!(refused(r#"{"type":"hello","heads":{"inbox":1}}"#).field.as_deref(), Some("epoch"));
        let wrong = refused(r#"{"type":"hello","epoch":"e","heads":{"dm:7:2":1}}"#);
        assert_eq!(wrong.field.as_deref(), Some("heads.dm:7:2"));
        assert_eq!(refused(r#"{"type":"hello","epoch":"e","heads":{"dm:2:7":-1}}"#).code, Code::BadField);
        let many: Vec<_> = (0..501).map(|group| format!(r#""group:{group}":1"#)).collect();
        let many = format!(r#"{{"type":"hello","epoch":"e","heads":{{{}}}}}"#, many.join(","));
        assert_eq!(refused(&many).code, Code::TooLarge);
    }
}
