//! A hundred thousand private messages over a thousand connections.

use crate::{
    on_one_and_two_shards,
    world::{Load, Plan, Streams},
};

on_one_and_two_shards! {
    fn none_is_lost_none_comes_twice_and_the_order_holds(shards: u16) {
        const USERS: u64 = 953;
        const MESSAGES: u64 = 100_065;
        let plan = Plan::dev().unlimited().shards(shards);
        let server = plan.start();
        let mut streams = Streams::default();
        let mut load = Load::new(&server, "load", USERS, MESSAGES / USERS, &mut streams);
        assert!(load.connections() >= 1_000, "{}", load.connections());
        load.run(3, MESSAGES);
        drop(load);
        assert_eq!(streams.messages() as u64, MESSAGES);
        streams.have_no_hole();
    }
}
