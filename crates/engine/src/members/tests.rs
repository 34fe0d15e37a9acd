use std::{
    sync::{Arc, mpsc::channel},
    time::Duration,
};

use futures_util::FutureExt;
use tidings_wire::{Audience, GroupId, UserId};

use super::Members;
use crate::{
    audience::{From, resolve},
    clock::SystemClock,
    directory::Directory,
    volatile::VolatileStore,
};

/// How long threads that wait for each other may take before the test gives them up. Many times what they need.
const WATCHDOG: Duration = Duration::from_secs(120);

#[test]
fn group_messages_go_on_while_users_come_and_go() {
    const ROUNDS: usize = 10_000;
    let group = GroupId::new(5);
    let directory = Arc::new(Directory::new());
    let port = Arc::new(VolatileStore::new("an epoch"));
    let members = Arc::new(Members::new(port, directory.clone(), Arc::new(SystemClock::new()), 1 << 26));
    let _pin = members.load(group).now_or_never().unwrap().unwrap();
    (0..200).for_each(|user| members.change(group, UserId::new(user), true));

    // The dispatcher delivers and changes, one shard looks at members, another opens and closes connections.
    let dispatcher = {
        let (directory, members) = (directory.clone(), members.clone());
        move |round: usize| {
            drop(resolve(&Audience::group(group), From::default(), &directory, |id| members.reach(id), 1));
            members.change(group, UserId::new(7), round.is_multiple_of(2));
        }
    };
    let sender = {
        let (directory, members) = (directory.clone(), members.clone());
        move |_| {
            let group = members.reach(group).unwrap();
            (0..64).for_each(|user| _ = group.contains(&directory, UserId::new(user)));
        }
    };
    let connections = move |_| {
        for user in (0..64).map(UserId::new) {
            directory.enter(user, 0);
            directory.exit(user, 0);
        }
    };
    let (done, finished) = channel();
    let work: [Box<dyn Fn(usize) + Send>; 3] = [Box::new(dispatcher), Box::new(sender), Box::new(connections)];
    for work in work {
        let done = done.clone();
        std::thread::spawn(move || {
            (0..ROUNDS).for_each(work);
            done.send(()).unwrap();
        });
    }
    for _ in 0..3 {
        finished.recv_timeout(WATCHDOG).expect("no thread waits for another for ever, and none panics");
    }
}
