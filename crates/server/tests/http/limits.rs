//! How many connections a user and an address may have.

use tidings_server::{LimitOptions, ServerOptions};

use crate::{
    client::{Answer, Socket},
    world::{World, with_limits},
};

fn limited(answer: &Answer) -> String {
    assert_eq!(answer.problem(), (429, "limited".into()));
    assert!(answer.json()["retry_after_ms"].as_u64().unwrap() > 0);
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    answer.detail()
}

/// Opens a connection as soon as there is a place: a place is given back when the engine has let go of a closed connection,
/// which the client can't see.
fn when_there_is_a_place(mut attempt: impl FnMut() -> Result<Socket, Answer>) -> Socket {
    for _ in 0..10_000 {
        match attempt() {
            Ok(socket) => return socket,
            Err(answer) => drop(limited(&answer)),
        }
    }
    panic!("no place was given back");
}

#[test]
fn one_connection_too_many_of_a_user_is_refused_until_one_closes() {
    let world = World::new(with_limits(2, 100));
    let (first, _second) = (world.socket(7), world.socket(7));
    let refused = world.upgrade("/ws?user=7", &[]).unwrap_err();
    assert!(limited(&refused).contains("`limits.connections_per_user`"));
    world.socket(8).close();
    first.close();
    when_there_is_a_place(|| world.upgrade("/ws?user=7", &[]));
}

#[test]
fn one_connection_too_many_of_an_address_is_refused_until_one_closes() {
    let world = World::new(with_limits(10, 2));
    let (first, _second) = (world.socket(1), world.socket(2));
    let refused = world.upgrade("/ws?user=3", &[]).unwrap_err();
    assert!(limited(&refused).contains("`limits.connections_per_address`"));
    assert!(!refused.detail().contains("proxies"), "nothing speaks of a proxy here");
    assert_eq!(world.get("/v1/me?user=3", &[]).status, 200, "HTTP goes on");
    first.close();
    when_there_is_a_place(|| world.upgrade("/ws?user=3", &[]));
}

#[test]
fn behind_a_declared_proxy_each_client_has_its_own_limit_and_each_ipv6_subnet() {
    let world = World::new(ServerOptions { proxies: vec!["127.0.0.0/8".parse().unwrap()], ..with_limits(10, 1) });
    let via = |user: u32, client: &str| world.upgrade(&format!("/ws?user={user}"), &[("X-Forwarded-For", client)]);
    let _open = [via(1, "203.0.113.1").unwrap(), via(2, "203.0.113.2").unwrap(), via(3, "2001:db8:1:2::1").unwrap()];
    limited(&via(4, "203.0.113.1").unwrap_err());
    limited(&via(4, "2001:db8:1:2:ffff::9").unwrap_err());
    limited(&via(4, "198.51.100.9, 203.0.113.1").unwrap_err());
    assert!(via(4, "2001:db8:1:3::1").is_ok());
}

#[test]
fn an_undeclared_proxy_is_suspected() {
    let world = World::new(with_limits(10, 1));
    let _open = world.upgrade("/ws?user=1", &[("X-Forwarded-For", "203.0.113.1")]).unwrap();
    let refused = world.upgrade("/ws?user=2", &[("X-Forwarded-For", "203.0.113.2")]).unwrap_err();
    assert!(limited(&refused).contains("setting `proxies`"), "its word is not taken, but its being there is told");
}

#[test]
fn switched_off_the_limits_hold_nobody() {
    let limits = LimitOptions { enabled: false, connections_per_user: 1, connections_per_address: 1 };
    let world = World::new(ServerOptions { limits, ..with_limits(1, 1) });
    let _open: Vec<_> = (0..5).map(|_| world.socket(7)).collect();
}
