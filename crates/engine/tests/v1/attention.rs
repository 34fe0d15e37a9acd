//! Whether a person looks at a connection.

use serde_json::json;

use crate::world::{connect, expects_type, says, user, world};

#[test]
fn a_connection_is_attentive_until_it_says_otherwise() {
    let world = world();
    let attentive = || world.backend().is_attentive(user(2));
    assert!(!attentive(), "nobody is there");
    let [bob, phone] = [(); 2].map(|()| connect(&world, 2));
    for (client, active, any) in
        [(&bob, false, true), (&phone, false, false), (&phone, true, true), (&phone, false, false)]
    {
        says(client, &json!({"type": "attention", "ref": 3, "active": active}));
        assert_eq!(expects_type(client, "ack")["ref"], 3);
        assert_eq!(attentive(), any);
    }
    let told = world.backend().connections(user(2)).iter().filter(|connection| connection.attentive).count();
    assert_eq!(told, 0);
    let [guide] = world.clients([2]);
    assert!(attentive(), "the guide's clients can't say otherwise");
    guide.disconnects();
    assert!(!attentive());
}
