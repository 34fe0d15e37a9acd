//! Which connections each user has here: lists that run through the connections themselves, so that a user costs four bytes
//! and a look-up is one index.

use slab::Slab;

use super::connection::Connection;

/// Ends a list.
const NONE: u32 = u32::MAX;

/// The next connection of the same user, in a [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextOfUser(u32);

impl Default for NextOfUser {
    fn default() -> Self {
        Self(NONE)
    }
}

/// The first connection of each user, by the user's index in the directory. As long as the greatest index that was ever
/// here: the directory gives freed indices out again, so four bytes a user that the node knew at once.
#[derive(Debug, Default)]
pub(super) struct Users {
    first: Vec<u32>,
    /// Users with a connection here.
    count: usize,
}

impl Users {
    /// How many users have a connection here.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The user's connections here, the newest first.
    pub(super) fn of<'a>(&self, user: u32, connections: &'a Slab<Connection>) -> OfUser<'a> {
        OfUser { next: self.first.get(user as usize).copied().unwrap_or(NONE), connections }
    }

    /// Puts a connection of the slab, which is in no list, into its user's.
    pub(super) fn insert(&mut self, index: u32, connections: &mut Slab<Connection>) {
        let connection = &mut connections[index as usize];
        let user = connection.index as usize;
        if self.first.len() <= user {
            self.first.resize(user + 1, NONE);
        }
        self.count += usize::from(self.first[user] == NONE);
        connection.next = NextOfUser(std::mem::replace(&mut self.first[user], index));
    }

    /// Takes a connection out of its user's list; true where it was the last of them.
    pub(super) fn remove(&mut self, index: u32, connections: &mut Slab<Connection>) -> bool {
        let connection = &mut connections[index as usize];
        let (user, next) = (connection.index as usize, std::mem::take(&mut connection.next));
        let before = self.of(user as u32, connections).find(|&other| connections[other as usize].next.0 == index);
        match before {
            Some(before) => connections[before as usize].next = next,
            None if self.first.get(user) == Some(&index) => self.first[user] = next.0,
            None => return false,
        }
        let last = self.first[user] == NONE;
        self.count -= usize::from(last);
        last
    }
}

/// Goes through the connections of one user.
#[derive(Clone)]
pub(super) struct OfUser<'a> {
    next: u32,
    connections: &'a Slab<Connection>,
}

impl Iterator for OfUser<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let index = self.next;
        let connection = self.connections.get(index as usize)?;
        self.next = connection.next.0;
        Some(index)
    }
}
