//! How many connections one user and one address have.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tidings_engine::{Guest, Places};
use tidings_wire::UserId;

use crate::{options::ServerOptions, proxies::AddressKey};

/// Counts connections; see [`LimitOptions`](crate::LimitOptions).
pub(crate) struct ConnectionLimits {
    enabled: bool,
    per_user: u32,
    per_address: u32,
    per_http_address: u32,
    users: Counts<UserId>,
    addresses: Counts<AddressKey>,
    http: Arc<Counts<AddressKey>>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    User(u32),
    Address(u32),
}

impl ConnectionLimits {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        Self {
            enabled: options.limits.enabled,
            per_user: options.limits.connections_per_user,
            per_address: options.limits.connections_per_address,
            per_http_address: options.http.connections_per_address,
            users: Counts::default(),
            addresses: Counts::default(),
            http: Arc::default(),
        }
    }

    /// A guest with a place of the user's and one of the address's. An unknown address has no limit; it is told apart by being
    /// unspecified (`0.0.0.0`), which no peer's is.
    pub(crate) fn admit(self: &Arc<Self>, user: UserId, peer: Option<SocketAddr>) -> Result<Guest, Full> {
        // A proxy may say so of a client that it does not know.
        let peer = peer.filter(|peer| !peer.ip().is_unspecified());
        let from = peer.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        if !self.enabled {
            return Ok(Guest::new(user, from));
        }
        if let Some(peer) = peer {
            self.addresses.take(peer.ip().into(), self.per_address).ok_or(Full::Address(self.per_address))?;
        }
        if self.users.take(user, self.per_user).is_none() {
            peer.inspect(|peer| self.addresses.give_back(peer.ip().into()));
            return Err(Full::User(self.per_user));
        }
        Ok(Guest::with_places(user, from, self.clone()))
    }

    /// Whether the address has a place left now. Taken is none: that comes with [`admit`](Self::admit), once the user is known.
    pub(crate) fn look(&self, peer: Option<SocketAddr>) -> Result<(), Full> {
        let peer = peer.filter(|peer| self.enabled && !peer.ip().is_unspecified());
        match peer {
            Some(peer) if self.addresses.count(peer.ip().into()) >= self.per_address => {
                Err(Full::Address(self.per_address))
            }
            _ => Ok(()),
        }
    }

    /// A place for an HTTP connection; none where its address has all of its places taken.
    pub(crate) fn take_http(&self, address: IpAddr) -> Option<Option<HttpPlace>> {
        if !self.enabled {
            return Some(None);
        }
        let key = address.into();
        self.http.take(key, self.per_http_address)?;
        Some(Some(HttpPlace { key, of: self.http.clone() }))
    }
}

impl Places for ConnectionLimits {
    fn give_back(&self, user: UserId, address: IpAddr) {
        self.users.give_back(user);
        if !address.is_unspecified() {
            self.addresses.give_back(address.into());
        }
    }
}

/// How many places each key has taken. Keys without any are not kept, so it is bounded by the open connections.
struct Counts<K>(Mutex<HashMap<K, u32>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Copy> Counts<K> {
    /// Takes one of the key's places, if it has fewer than `most`.
    fn take(&self, key: K, most: u32) -> Option<()> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&key) {
            Some(count) if *count >= most => return None,
            Some(count) => *count += 1,
            None if most == 0 => return None,
            None => {
                counts.insert(key, 1);
            }
        }
        Some(())
    }

    fn count(&self, key: K) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied().unwrap_or_default()
    }

    fn give_back(&self, key: K) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&key);
                if counts.capacity() > 4 * counts.len() + 64 {
                    counts.shrink_to_fit();
                }
            }
        }
    }
}

/// The place of an HTTP connection, given back on drop.
pub(crate) struct HttpPlace {
    key: AddressKey,
    of: Arc<Counts<AddressKey>>,
}

impl Drop for HttpPlace {
    fn drop(&mut self) {
        self.of.give_back(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::LimitOptions;

    fn limits(enabled: bool) -> Arc<ConnectionLimits> {
        let limits = LimitOptions { enabled, connections_per_user: 2, connections_per_address: 3 };
        Arc::new(ConnectionLimits::new(&ServerOptions { limits, ..ServerOptions::default() }))
    }

    fn home() -> Option<SocketAddr> {
        Some(([192, 0, 2, 1], 9).into())
    }

    #[test]
    fn a_place_is_given_back_when_its_connection_has_gone() {
        let (limits, home) = (limits(true), home());
        let ann = UserId::new(1);
        let first = limits.admit(ann, home).unwrap();
        let _second = limits.admit(ann, home).unwrap();
        assert_eq!(limits.admit(ann, home).err(), Some(Full::User(2)));
        let _bob = limits.admit(UserId::new(2), home).unwrap();
        assert_eq!(limits.admit(UserId::new(3), home).err(), Some(Full::Address(3)), "what was refused took no place");
        drop(first);
        assert!(limits.admit(ann, home).is_ok());
    }

    #[test]
    fn counts_of_those_who_left_are_not_kept() {
        let limits = limits(true);
        drop(limits.admit(UserId::new(1), home()).unwrap());
        drop(limits.take_http("192.0.2.1".parse().unwrap()));
        assert!(limits.users.0.lock().unwrap().is_empty() && limits.addresses.0.lock().unwrap().is_empty());
        assert!(limits.http.0.lock().unwrap().is_empty());
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let limits = limits(false);
        let all: Vec<_> = (0..9).map(|_| limits.admit(UserId::new(1), home())).collect();
        assert!(all.iter().all(Result::is_ok) && limits.users.0.lock().unwrap().is_empty());
    }

    #[test]
    fn an_unknown_address_has_no_limit_and_takes_no_place() {
        let limits = limits(true);
        let all: Vec<_> = (0..9).map(|user| limits.admit(UserId::new(user), None).unwrap()).collect();
        assert!(limits.addresses.0.lock().unwrap().is_empty());
        drop(all);
        assert!(limits.users.0.lock().unwrap().is_empty());
    }
}
