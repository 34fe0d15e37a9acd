//! What is refused: each with its code, each leaving the connection open.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_wire::{Audience, Code, Limit, Message, Sender, UserId};

use crate::messages::{Poke, poke, user, world};

/// Fields at some depth.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Card {
    to: UserId,
    style: Style,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Style {
    colour: Colour,
    sizes: Vec<u8>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Colour {
    Red,
    Green,
}

impl Message for Card {
    const TYPE: &'static str = "card";
    const LIMIT: Limit = Limit::NONE;

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

/// Seldom sent.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Rare {
    to: UserId,
}

impl Message for Rare {
    const TYPE: &'static str = "rare";
    const LIMIT: Limit = Limit::per_minute(3);

    fn audience(&self, _: &Sender) -> Audience {
        Audience::user(self.to)
    }
}

#[test]
fn each_mistake_has_its_code_and_leaves_the_connection_open() {
    let world = world().message::<Card>().start();
    let [ann, bob] = world.clients([1, 2]);
    let cases = [
        ("", Code::BadJson, None),
        ("{", Code::BadJson, None),
        ("hello", Code::BadJson, None),
        ("null", Code::BadJson, None),
        ("[]", Code::BadJson, None),
        (r#"["broadcast"]"#, Code::BadJson, None),
        (r#"["poke",null,null]"#, Code::BadJson, None),
        (r#""poke""#, Code::BadJson, None),
        ("{}", Code::BadJson, None),
        (r#"{"type":"poke","to":2} {}"#, Code::BadJson, None),
        (r#"{"type":"poke","to":2,}"#, Code::BadJson, None),
        (r#"{"type":7}"#, Code::BadField, Some("type")),
        (r#"{"type":"poke","type":"card"}"#, Code::BadField, Some("type")),
        (r#"{"type":"unheard_of"}"#, Code::UnknownType, None),
        (r#"{"type":"hello"}"#, Code::UnknownType, None),
        (r#"{"type":"Poke","to":2}"#, Code::UnknownType, None),
        (r#"{"type":"poke"}"#, Code::BadField, Some("to")),
        (r#"{"type":"poke","to":2,"to":3}"#, Code::BadField, Some("to")),
        (r#"{"type":"poke","to":"two"}"#, Code::BadField, Some("to")),
        (r#"{"type":"poke","to":-1}"#, Code::BadField, Some("to")),
        (r#"{"type":"poke","to":1.5}"#, Code::BadField, Some("to")),
        (r#"{"type":"poke","to":null}"#, Code::BadField, Some("to")),
        (r#"{"type":"poke","to":[2]}"#, Code::BadField, Some("to")),
        (r#"{"type":"poke","to":2,"ref":"a"}"#, Code::BadField, Some("ref")),
        (r#"{"type":"poke","to":2,"ref":1.5}"#, Code::BadField, Some("ref")),
        (r#"{"type":"poke","to":2,"key":5}"#, Code::BadField, Some("key")),
        (r#"{"type":"poke","to":2,"key":""}"#, Code::BadField, Some("key")),
        (r#"{"type":"private","to":2}"#, Code::BadField, Some("content")),
        (r#"{"type":"private","to":2,"content":7}"#, Code::BadField, Some("content")),
        (r#"{"type":"group","group_id":{},"content":"hi"}"#, Code::BadField, Some("group_id")),
        (r#"{"type":"card","to":2}"#, Code::BadField, Some("style")),
        (r#"{"type":"card","to":2,"style":{"sizes":[]}}"#, Code::BadField, Some("style.colour")),
        (r#"{"type":"card","to":2,"style":{"colour":"blue","sizes":[]}}"#, Code::BadField, Some("style.colour")),
        (
            r#"{"type":"card","to":2,"style":{"colour":"red","sizes":[1,2,300]}}"#,
            Code::BadField,
            Some("style.sizes[2]"),
        ),
    ];
    for (text, code, field) in cases {
        ann.sends_text(text);
        let refusal = ann.expects_error(code);
        assert_eq!(refusal.field.as_deref(), field, "{text}: {}", refusal.message);
        assert!(!refusal.message.is_empty(), "{text}");
    }
    let long = format!(r#"{{"type":"poke","to":2,"key":"{}"}}"#, "k".repeat(65));
    ann.sends_text(&long);
    assert_eq!(ann.expects_error(Code::BadField).field.as_deref(), Some("key"));
    bob.expects_nothing();
    ann.send(&poke(bob.user()));
    bob.expects::<Poke>();
}

#[test]
fn the_answer_repeats_the_ref() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.sends_text(r#"{"type":"poke","ref":41}"#);
    assert_eq!(ann.expects_error(Code::BadField).reference, Some(41));
    ann.sends_text(r#"{"ref":-3,"type":"nothing"}"#);
    assert_eq!(ann.expects_error(Code::UnknownType).reference, Some(-3));
}

#[test]
fn an_unknown_type_is_named_but_not_at_any_length() {
    let world = world().start();
    let [ann] = world.clients([1]);
    ann.sends_text(&format!(r#"{{"type":"{}"}}"#, "é".repeat(20_000)));
    let refusal = ann.expects_error(Code::UnknownType);
    assert!(refusal.message.contains("éé") && refusal.message.len() < 200, "{}", refusal.message);
}

#[test]
fn too_many_are_limited_and_the_answer_says_for_how_long() {
    let world = world().message::<Rare>().start();
    let [ann, bob] = world.clients([1, 2]);
    let rare = Rare { to: bob.user() };
    for _ in 0..3 {
        ann.send(&rare);
        bob.expects::<Rare>();
    }
    ann.send(&rare);
    let wait = ann.expects_error(Code::Limited).retry_after_ms.unwrap();
    assert_eq!(wait, 20_000);
    ann.send(&poke(bob.user()));
    bob.expects::<Poke>();
    let ann_at_home = world.client(ann.user());
    ann_at_home.send(&rare);
    ann_at_home.expects_error(Code::Limited);
    bob.send(&Rare { to: ann.user() });
    ann.expects::<Rare>();
    world.advance(Duration::from_millis(wait));
    ann.send(&rare);
    bob.expects::<Rare>();
    world.backend().send(Some(ann.user()), &rare).unwrap();
    world.backend().send(Some(ann.user()), &rare).unwrap();
    assert_eq!(bob.expects_some::<Rare>().len(), 2, "services have no limit");
}

#[test]
fn limits_can_be_switched_off() {
    let world = world().message::<Rare>().settings(|settings| settings.limits = false).start();
    let [ann, bob] = world.clients([1, 2]);
    ann.sends_all((0..100).map(|_| Rare { to: user(2) }));
    assert_eq!(bob.expects_some::<Rare>().len(), 100);
    ann.expects_nothing();
}

#[test]
fn a_frame_of_64_kib_is_taken_and_comes_out_whole() {
    let world = world().start();
    let [ann, bob] = world.clients([1, 2]);
    let head = r#"{"type":"poke","to":2,"note":""}"#.len();
    let note = "n".repeat(64 * 1024 - head);
    ann.send(&Poke { to: user(2), note: note.clone() });
    assert_eq!(bob.expects::<Poke>().note, note);
    ann.expects_nothing();
}

#[test]
fn no_refusal_repeats_all_that_was_wrong() {
    let world = world().start();
    let [ann] = world.clients([1]);
    let text = "\u{200b}".repeat(21_000);
    ann.sends_text(&format!(r#"{{"type":"shout","everyone":"{text}"}}"#));
    assert!(ann.expects_error(Code::BadField).message.len() <= 300);
}
