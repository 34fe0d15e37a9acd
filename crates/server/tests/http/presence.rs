//! Presence over real sockets: who is told of whom, and until when.

use serde_json::{Value, json};

use crate::{
    client::Socket,
    world::{World, options},
};

/// The next frame that is presence: of whom, and whether they are online.
fn hears_presence(socket: &mut Socket) -> (Value, Value) {
    loop {
        let frame = socket.hears();
        if frame["type"] == "presence" {
            return (frame["user"].clone(), frame["online"].clone());
        }
    }
}

#[test]
fn who_leaves_the_last_shared_group_is_told_of_no_more() {
    let world = World::keeping(options());
    let admin = world.key("admin");
    let member = |method: &str, user: u32| {
        let path = ["/v1/groups/5/members", &user.to_string()].join("/");
        assert_eq!(world.ask(method, &path, &[("Authorization", &admin)], "").status, 204);
    };
    let [mut ann, mut bob] = [1, 2].map(|user| {
        member("PUT", user);
        world.v1(user)
    });
    for (socket, other) in [(&mut ann, 2), (&mut bob, 1)] {
        socket.say(&json!({"type": "watch", "ref": 1, "users": [other]}).to_string());
        assert_eq!(hears_presence(socket), (json!(other), json!(true)));
    }
    member("DELETE", 2);
    assert_eq!(hears_presence(&mut ann), (json!(2), json!(false)));
    assert_eq!(hears_presence(&mut bob), (json!(1), json!(false)));
    let asked = world.get("/v1/presence?users=2", &[("Authorization", &world.token(1))]);
    assert_eq!(asked.json()["presence"], json!([{"user": 2, "online": false}]));
}
