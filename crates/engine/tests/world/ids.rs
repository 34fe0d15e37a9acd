//! Integers and UUIDs alike, in the form they have.

use serde_json::json;
use tidings_wire::{Code, GroupId, UserId};

use crate::messages::{Group, Private, private, world};

const UUID: &str = "0192f0c1-2b3c-7def-8abc-0123456789ab";

#[test]
fn ids_go_out_in_the_form_they_have() {
    let world = world().start();
    let cases = [
        (json!(7), json!(7)),
        (json!("7"), json!(7)),
        (json!(9_007_199_254_740_991_i64), json!(9_007_199_254_740_991_i64)),
        (json!(9_007_199_254_740_992_i64), json!("9007199254740992")),
        (json!("9223372036854775807"), json!("9223372036854775807")),
        (json!(UUID), json!(UUID)),
        (json!(UUID.to_uppercase()), json!(UUID)),
    ];
    let ann = world.client(UUID.replace("ab", "cd").parse().unwrap());
    for (sent, expected) in cases {
        let to: UserId = serde_json::from_value(sent.clone()).unwrap();
        let reader = world.client(to);
        ann.sends_text(&json!({"type": "private", "to": sent, "content": "hi"}).to_string());
        let got = reader.expects::<Private>();
        assert_eq!(got.json["to"], expected);
        assert_eq!(got.json["from"], json!(ann.user().to_string()));
        // The lower id stands first, and integers are below UUIDs.
        assert_eq!(got.json["conversation"], json!(format!("dm:{to}:{}", ann.user())));
        reader.disconnects();
    }
    ann.expects_nothing();
}

#[test]
fn what_is_no_id_is_refused() {
    let world = world().start();
    let [ann] = world.clients([1]);
    let low = "00000000-0000-0000-0000-000000000007";
    let nil = "00000000-0000-0000-0000-000000000000";
    for bad in [
        json!(-1),
        json!(9_223_372_036_854_775_808_u64),
        json!("9223372036854775808"),
        json!(low),
        json!(nil),
        json!("07"),
        json!(1e3),
    ] {
        ann.sends_text(&json!({"type": "private", "to": bad, "content": "hi"}).to_string());
        assert_eq!(ann.expects_error(Code::BadField).field.as_deref(), Some("to"), "{bad}");
    }
}

#[test]
fn a_group_may_have_a_uuid_and_members_of_both_kinds() {
    let world = world().start();
    let group: GroupId = UUID.parse().unwrap();
    let [ann] = world.clients([1]);
    let bob = world.client("f192f0c1-2b3c-7def-8abc-0123456789ab".parse().unwrap());
    world.backend().adds(group, [ann.user(), bob.user()]);
    ann.send(&Group { group_id: group, content: "hi".into() });
    let got = bob.expects::<Group>();
    assert_eq!((&got.json["group_id"], &got.json["conversation"]), (&json!(UUID), &json!(format!("group:{UUID}"))));
    bob.send(&private(ann.user(), "hello"));
    assert_eq!(ann.expects::<Private>().from, Some(bob.user()));
}
