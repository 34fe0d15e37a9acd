//! Groups of which a tenth is online. In each, one more member is online and writes to it; the groups take turns.

use super::rooms::{Kind, Pace, Room, Rooms, Until};
use super::{Round, Running, Size};
use crate::backend;
use crate::load::Load;

/// Messages under way in all groups together.
const UNDER_WAY: usize = 32;

/// Members who hear a message.
pub(super) fn listeners(members: usize) -> usize {
    (members / 10).max(1)
}

/// Members who are online: who hears it, and who writes.
pub(super) fn online(members: usize) -> usize {
    listeners(members) + 1
}

/// As many connections as whole groups need, near `wanted`.
pub(super) fn connections(members: usize, wanted: usize) -> usize {
    online(members) * (wanted / online(members)).max(1)
}

pub(super) fn run(server: &Running, size: Size, members: usize) -> anyhow::Result<Round> {
    let groups = size.connections / online(members);
    if groups == 0 {
        anyhow::bail!("one group has {} members online: it needs as many connections", online(members));
    }
    if let Some(key) = &server.service_key {
        let joins = (0..groups).flat_map(|group| roll(group, members, size.connections));
        backend::join(&server.target, key, joins)?;
    }
    let mut load = Load::open(&server.target, size.connections)?;
    let room = |group: usize| {
        let first = group * online(members);
        Room { sender: first, to: number(group), listeners: (first + 1..first + online(members)).collect() }
    };
    let (pace, rooms) = (Pace::UnderWay(UNDER_WAY), (0..groups).map(room).collect());
    let rooms = Rooms::new(server, size.content_bytes, Kind::Group, pace, size.connections, rooms);
    let until = Until { messages: size.messages, ..Until::default() };
    Ok(rooms.run(server, &mut load, until)?.into())
}

fn number(group: usize) -> u64 {
    group as u64 + 1
}

/// A group's number with each of its members: those online, and others who never come.
fn roll(group: usize, members: usize, connections: usize) -> impl Iterator<Item = (u64, u64)> {
    let online = online(members);
    let absent = members.saturating_sub(online);
    let first_absent = connections + group * absent;
    let here = group * online..(group + 1) * online;
    here.chain(first_absent..first_absent + absent).map(move |index| (number(group), index as u64 + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_tenth_hears_it_and_one_more_writes() {
        for (members, heard, usual) in [(10, 1, 1_000), (100, 10, 990), (10_000, 1_000, 1_001)] {
            assert_eq!((listeners(members), connections(members, 1_000)), (heard, usual));
        }
    }

    #[test]
    fn nobody_is_in_two_groups_and_each_group_is_full() {
        let all: Vec<(u64, u64)> = (0..3).flat_map(|group| roll(group, 100, 33)).collect();
        let users: BTreeSet<u64> = all.iter().map(|&(_, user)| user).collect();
        assert_eq!((all.len(), users.len(), users.first(), users.last()), (300, 300, Some(&1), Some(&300)));
        assert_eq!(all.iter().filter(|&&(group, user)| group == 2 && user <= 33).count(), 11, "11 of each are online");
    }
}
