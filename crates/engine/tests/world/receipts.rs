//! How far others have read: told as far as each of them chose.

use std::time::Duration;

use serde_json::json;

use crate::{
    messages::{Private, private, user, world},
    watching::arrives,
};

#[test]
fn who_turned_receipts_off_shows_none_by_sending_either_whatever_the_dialect() {
    let world = world().start();
    let ann = arrives(&world, 1);
    world.backend().chooses(user(2), Some(false), None).unwrap();
    let [bob, eve] = world.clients([2, 3]);
    for reader in [&bob, &eve] {
        ann.send(&private(reader.user(), "hi"));
        ann.texts();
        reader.expects::<Private>();
    }
    // Sending moves one's own mark.
    bob.send(&private(ann.user(), "read"));
    eve.send(&private(ann.user(), "read"));
    world.advance(Duration::from_secs(3));
    let frames: Vec<serde_json::Value> = ann.texts().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let receipts =
        |of: u32| frames.iter().filter(|frame| frame["type"] == "read" && frame["user"] == json!(of)).count();
    assert_eq!(receipts(2), 0, "{frames:?}");
}
