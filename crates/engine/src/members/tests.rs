use std::{
    future::{pending, poll_fn, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::channel,
    },
    task::Poll,
    time::Duration,
};

use futures_util::FutureExt;
use tidings_wire::{Audience, FOLLOWERS, GroupId, Id, Related, UserId};

use super::{Members, Named, Sources};
use crate::{
    audience::{From, resolve},
    clock::SystemClock,
    directory::Directory,
    ports::{BoxFuture, Groups, Relation, StoreError},
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
    let members =
        Arc::new(Members::new(Sources::new(port, []), directory.clone(), Arc::new(SystemClock::new()), 1 << 26));
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

/// A port whose answer depends on the group: some are odd.
struct Odd;

/// Has a second page that never comes.
const STUCK: GroupId = GroupId::new(1);
const FAILING: GroupId = GroupId::new(2);
/// Gives each member twice.
const DOUBLE: GroupId = GroupId::new(3);
/// Gives its first page again and again.
const ROUND: GroupId = GroupId::new(4);
const DESCENDING: GroupId = GroupId::new(5);
const PANICKING: GroupId = GroupId::new(6);

impl Groups for Odd {
    fn members(&self, of: GroupId, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        let users = |of: std::ops::Range<u32>| of.map(UserId::new);
        let page = match of {
            STUCK if after.is_some() => return Box::pin(pending()),
            STUCK | ROUND => users(0..limit).collect(),
            FAILING => return Box::pin(ready(Err(StoreError::Full))),
            DOUBLE => users(0..5).flat_map(|user| [user, user]).collect(),
            DESCENDING => users(0..5).rev().collect(),
            PANICKING => return Box::pin(async { panic!("a defect of the app's port") }),
            _ => users(0..5).collect(),
        };
        Box::pin(ready(Ok(page)))
    }

    fn own(&self) -> bool {
        true
    }
}

fn odd(bound: u64) -> (Arc<Directory>, Members) {
    let directory = Arc::new(Directory::new());
    let members = Members::new(Sources::new(Arc::new(Odd), []), directory.clone(), Arc::new(SystemClock::new()), bound);
    (directory, members)
}

/// Polls until it is there. For reads that never wait for long.
fn finish<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    (0..10)
        .find_map(|_| match work.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        })
        .expect("ten pages are enough")
}

fn is_forgotten(directory: &Directory, members: &Members) -> bool {
    members.0.groups().totals() == (0, 0) && (0..10_000).all(|user| directory.find(UserId::new(user)).is_none())
}

#[test]
fn a_read_that_nobody_waits_for_leaves_nothing_behind() {
    let (directory, members) = odd(1 << 26);
    {
        let mut load = Box::pin(members.load(STUCK));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        (0..3).for_each(|_| assert!(load.as_mut().poll(&mut cx).is_pending()));
        assert!(directory.find(UserId::new(9_000)).is_some(), "the first page is there");
        members.change(STUCK, UserId::new(20_000), true);
    }
    assert!(is_forgotten(&directory, &members));
}

/// Followers whose second page comes only once the door is open.
#[derive(Default)]
struct Slow {
    open: AtomicBool,
    first_pages: AtomicUsize,
}

impl Relation for Slow {
    fn members(&self, _: Id, after: Option<UserId>, limit: u32) -> BoxFuture<Result<Vec<UserId>, StoreError>> {
        if after.is_none() {
            self.first_pages.fetch_add(1, Ordering::SeqCst);
            return Box::pin(ready(Ok((0..limit).map(UserId::new).collect())));
        }
        let open = self.open.load(Ordering::SeqCst);
        Box::pin(poll_fn(move |_| if open { Poll::Ready(Ok(vec![UserId::new(9_999)])) } else { Poll::Pending }))
    }

    fn max_age(&self) -> Option<Duration> {
        None
    }
}

#[test]
fn a_relation_that_takes_longer_than_a_sender_waits_is_read_on_by_the_next() {
    let directory = Arc::new(Directory::new());
    let slow = Arc::new(Slow::default());
    let port: Arc<dyn Relation> = slow.clone();
    let sources = Sources::new(Arc::new(Odd), [(FOLLOWERS, port)]);
    let members = Members::new(sources, directory.clone(), Arc::new(SystemClock::new()), 1 << 26);
    let of = |user: u32| Named::Of(Related { relation: FOLLOWERS, to: UserId::new(user).0 });
    let gives_up = |user: u32| {
        let mut load = Box::pin(members.load(of(user)));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        (0..3).for_each(|_| assert!(load.as_mut().poll(&mut cx).is_pending()));
    };
    gives_up(1);
    gives_up(1);
    assert_eq!(slow.first_pages.load(Ordering::SeqCst), 1, "the second goes on where the first was");
    // Only the latest few are kept: of the others nothing is left.
    (2..6).for_each(gives_up);
    assert_eq!(members.0.groups().totals().0, 4);
    members.close();
    assert!(is_forgotten(&directory, &members));
    slow.open.store(true, Ordering::SeqCst);
    let read = finish(members.load(of(1))).unwrap();
    assert!(read.contains(&directory, UserId::new(9_999)));
}

#[test]
fn a_read_that_fails_leaves_nothing_behind() {
    let (directory, members) = odd(1 << 26);
    for group in [FAILING, DESCENDING, ROUND, PANICKING, FAILING] {
        let Err(StoreError::Unavailable(cause)) = finish(members.load(group)) else { panic!("{group} was read") };
        assert!(is_forgotten(&directory, &members), "{group}: {cause}");
    }
    finish(members.load(GroupId::new(9))).unwrap();
}

#[test]
fn a_member_that_is_read_twice_is_pinned_once() {
    let (directory, members) = odd(1 << 26);
    drop(finish(members.load(DOUBLE)).unwrap());
    assert!(finish(members.contains(DOUBLE, UserId::new(4))).unwrap());
    (0..5).for_each(|user| members.change(DOUBLE, UserId::new(user), false));
    assert_eq!((0..5).find_map(|user| directory.find(UserId::new(user))), None);
}

#[test]
fn groups_beyond_the_bound_give_their_pins_back() {
    let (directory, members) = odd(0);
    let pinned = finish(members.load(GroupId::new(10))).unwrap();
    for id in 11..100 {
        drop(finish(members.load(GroupId::new(id))).unwrap());
        assert_eq!(members.0.groups().totals().0, 2, "the pinned one and the newest");
    }
    assert!(members.held(GroupId::new(10)).is_some() && members.held(GroupId::new(50)).is_none());
    drop(pinned);
    drop(finish(members.load(GroupId::new(100))).unwrap());
    drop(members);
    assert_eq!(directory.find(UserId::new(0)), None, "no read keeps what the cache held");
}

#[test]
fn what_is_counted_follows_joins_and_leaves() {
    let (_, members) = odd(1 << 26);
    let group = GroupId::new(10);
    drop(finish(members.load(group)).unwrap());
    let before = members.0.groups().totals();
    (100..200).for_each(|user| members.change(group, UserId::new(user), true));
    assert!(members.0.groups().totals().1 > before.1 + 100 * 64);
    (100..200).for_each(|user| members.change(group, UserId::new(user), false));
    assert_eq!(members.0.groups().totals(), before);
}

#[test]
fn a_change_during_the_read_overrides_what_is_read() {
    let (_, members) = odd(1 << 26);
    let group = GroupId::new(10);
    let done = members.0.loading(group.into()).unwrap();
    members.change(group, UserId::new(0), false);
    members.change(group, UserId::new(70), true);
    finish(done).unwrap();
    let is_member = |user| finish(members.contains(group, UserId::new(user))).unwrap();
    assert_eq!([0, 1, 70].map(is_member), [false, true, true]);
}
