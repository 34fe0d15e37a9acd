//! Connections that do nothing: each user is in some groups and watches others of them. What each connection keeps in memory.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::super::idle::{Nothing, at_rest, before};
use super::super::{Figure, Round, Running, Size};
use crate::backend;
use crate::dialect::{Dialect, Told};
use crate::load::{Load, LoadError, Outgoing, Scene};
use crate::usage;

/// Groups of each user.
const GROUPS: usize = 5;

/// Members of a group: the user sees 24 others in each.
const MEMBERS: usize = 25;

/// Users whom each connection watches, in each of its groups: 100 in all, and fewer where so few connections are asked for that two
/// users share several groups.
const WATCHED_IN_A_GROUP: usize = 20;

/// Watches under way.
const AT_ONCE: usize = 64;

/// What a server keeps of how a connection was greeted goes within this time, and freed memory goes back.
const SETTLES: Duration = Duration::from_secs(15);

/// The `ref` of each watch.
const WATCH: u64 = 2;

pub(super) fn run(server: &Running, size: Size) -> anyhow::Result<Round> {
    let crowd = Crowd::of(size.connections)?;
    if let Some(key) = &server.service_key {
        let joins = (0..size.connections)
            .flat_map(|user| (0..GROUPS).map(move |which| (crowd.group(user, which) as u64 + 1, user as u64 + 1)));
        backend::join(&server.target, key, joins)?;
        // What that took goes back.
        let mut some = Load::open(&server.target, MEMBERS)?;
        some.linger(SETTLES, &mut Nothing)?;
    }
    let before = before(server, size)?;
    let each = |kib: Option<u64>| {
        kib.zip(before).map_or(f64::NAN, |(kib, before)| (kib as f64 - before as f64) / size.connections as f64)
    };
    let start = Instant::now();
    let mut load = Load::open(&server.target, size.connections)?;
    let per_second = size.connections as f64 / start.elapsed().as_secs_f64();
    let open = read(server)?;
    let mut extra = vec![Figure::new("KiB a connection when the last was open", each(open), "KiB")];
    if server.target.dialect == Dialect::V1 {
        load.linger(SETTLES, &mut Nothing)?;
        let greeted = server.pid.map(|pid| at_rest(pid, Some(&mut load), &mut Nothing)).transpose()?;
        extra.push(Figure::new("KiB a connection at rest, before it watches", each(greeted), "KiB"));
    }
    let mut watching = Watching::new(crowd, server.target.first_user);
    if server.target.dialect == Dialect::V1 {
        let start = Instant::now();
        let mut outgoing = Outgoing::default();
        (0..AT_ONCE).for_each(|_| watching.watch_next(&mut outgoing));
        load.send(&mut outgoing)?;
        load.drive(&mut watching)?;
        extra.push(Figure::new(
            "time until all had been told of all whom they watch",
            start.elapsed().as_secs_f64(),
            "s",
        ));
    }
    load.linger(SETTLES, &mut watching)?;
    let after = server.pid.map(|pid| at_rest(pid, Some(&mut load), &mut watching)).transpose()?;
    let cost = after.map(|_| each(after));
    Ok(Round { cost, resident_kib: after, per_second: Some(per_second), extra, ..Round::default() })
}

fn read(server: &Running) -> anyhow::Result<Option<u64>> {
    server.pid.map(usage::resident_kib).transpose().context("the server's memory can't be read")
}

/// Who is in which group; users and groups by their indices. Users are on a square, as it were, whose rows wind round: the groups
/// of one kind have neighbours, those of the next every `stride`th user, so that two users share one group mostly.
#[derive(Clone, Copy)]
struct Crowd {
    users: usize,
}

impl Crowd {
    fn of(users: usize) -> anyhow::Result<Self> {
        if users < MEMBERS || !users.is_multiple_of(MEMBERS) {
            bail!("groups of {MEMBERS} need a multiple of {MEMBERS} connections");
        }
        Ok(Self { users })
    }

    /// Groups of one kind.
    fn groups(self) -> usize {
        self.users / MEMBERS
    }

    /// The group of this kind that a user is in.
    fn group(self, user: usize, which: usize) -> usize {
        let (row, column) = (user / MEMBERS, user % MEMBERS);
        // A kind of group takes from each column the row that is so many steps further down.
        which * self.groups() + (row + which * column) % self.groups()
    }

    /// The members of a user's group of this kind.
    fn members(self, user: usize, which: usize) -> impl Iterator<Item = usize> {
        let groups = self.groups();
        let group = self.group(user, which) % groups;
        (0..MEMBERS).map(move |column| ((group + groups * which - which * column % groups) % groups) * MEMBERS + column)
    }

    /// Whom a user watches, each once.
    fn watched(self, user: usize) -> HashSet<usize> {
        let mut all = HashSet::new();
        for which in 0..GROUPS {
            all.extend(self.members(user, which).filter(|&other| other != user).take(WATCHED_IN_A_GROUP));
        }
        all
    }
}

/// Each connection watches, is acknowledged, and is told once of each user that it watches: that they are online, as all are.
struct Watching {
    crowd: Crowd,
    first_user: usize,
    /// The next connection that watches.
    next: usize,
    /// By connection: whom it was not told of yet, by their numbers.
    missing: Vec<HashSet<u64>>,
    acknowledged: Vec<bool>,
    under_way: usize,
}

impl Watching {
    fn new(crowd: Crowd, first_user: usize) -> Self {
        let (missing, acknowledged) = (vec![HashSet::new(); crowd.users], vec![false; crowd.users]);
        Self { crowd, first_user, next: 0, missing, acknowledged, under_way: 0 }
    }

    fn watch_next(&mut self, outgoing: &mut Outgoing) {
        let index = self.next;
        if index == self.crowd.users {
            return;
        }
        self.next += 1;
        self.under_way += 1;
        let number = |user: usize| (self.first_user + user) as u64;
        self.missing[index] = self.crowd.watched(index).into_iter().map(number).collect();
        let users: Vec<String> = self.missing[index].iter().map(ToString::to_string).collect();
        let text = format!(r#"{{"type":"watch","ref":{WATCH},"users":[{}]}}"#, users.join(","));
        outgoing.text(index, |out| out.extend_from_slice(text.as_bytes()));
    }
}

impl Scene for Watching {
    fn message(&mut self, receiver: usize, payload: &[u8], _: Instant, out: &mut Outgoing) -> Result<(), LoadError> {
        let unexpected = || LoadError::unexpected(receiver, payload);
        let told = Told::read(payload).ok_or_else(unexpected)?;
        match (told.r#type, told.user) {
            ("ack", _) if told.reference == Some(WATCH) && !self.acknowledged[receiver] => {
                self.acknowledged[receiver] = true;
            }
            ("presence", Some(user)) if told.online == Some(true) && self.missing[receiver].remove(&user) => {}
            _ => return Err(unexpected()),
        }
        if self.acknowledged[receiver] && self.missing[receiver].is_empty() {
            self.missing[receiver] = HashSet::new();
            self.under_way -= 1;
            self.watch_next(out);
        }
        Ok(())
    }

    fn done(&self) -> bool {
        self.under_way == 0 && self.next == self.crowd.users
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_in_five_groups_of_25_and_watches_whom_they_share_them_with() {
        let crowd = Crowd::of(8_000).unwrap();
        for user in [0, 7, 4_512, 7_999] {
            let groups: HashSet<usize> = (0..GROUPS).map(|which| crowd.group(user, which)).collect();
            assert_eq!(groups.len(), GROUPS);
            for which in 0..GROUPS {
                let members: HashSet<usize> = crowd.members(user, which).collect();
                assert!(members.len() == MEMBERS && members.contains(&user), "{user} {which} {members:?}");
                assert!(members.iter().all(|&other| crowd.group(other, which) == crowd.group(user, which)));
            }
            let watched = crowd.watched(user);
            assert!(watched.len() == GROUPS * WATCHED_IN_A_GROUP, "{}", watched.len());
            assert!(!watched.contains(&user));
        }
    }

    #[test]
    fn a_crowd_that_fills_no_groups_is_refused() {
        assert!(Crowd::of(24).is_err() && Crowd::of(30).is_err());
    }
}
