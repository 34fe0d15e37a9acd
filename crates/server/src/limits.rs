//! How many connections one user and one address have.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tidings_wire::UserId;

use crate::{options::ServerOptions, proxies::AddressKey};

/// Counts connections; see [`LimitOptions`](crate::LimitOptions).
pub(crate) struct ConnectionLimits {
    enabled: bool,
    per_user: u32,
    per_address: u32,
    per_http_address: u32,
    users: Arc<Counts<UserId>>,
    addresses: Arc<Counts<AddressKey>>,
    http: Arc<Counts<AddressKey>>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    User(u32),
    Address(u32),
}

/// A connection's places, given back on drop.
pub(crate) type Permit = Box<dyn Send>;

impl ConnectionLimits {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        Self {
            enabled: options.limits.enabled,
            per_user: options.limits.connections_per_user,
            per_address: options.limits.connections_per_address,
            per_http_address: options.http.connections_per_address,
            users: Arc::default(),
            addresses: Arc::default(),
            http: Arc::default(),
        }
    }

    /// Places for a WebSocket connection. An unknown address has no limit.
    pub(crate) fn take(&self, user: UserId, address: Option<IpAddr>) -> Result<Option<Permit>, Full> {
        if !self.enabled {
            return Ok(None);
        }
        let address = match address {
            Some(address) => {
                let place = self.addresses.take(address.into(), self.per_address);
                Some(place.ok_or(Full::Address(self.per_address))?)
            }
            None => None,
        };
        let user = self.users.take(user, self.per_user).ok_or(Full::User(self.per_user))?;
        Ok(Some(Box::new((user, address))))
    }

    /// A place for an HTTP connection; none where its address has all of its places taken.
    pub(crate) fn take_http(&self, address: IpAddr) -> Option<Option<Permit>> {
        if !self.enabled {
            return Some(None);
        }
        self.http.take(address.into(), self.per_http_address).map(|place| Some(Box::new(place) as Permit))
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
    fn take(self: &Arc<Self>, key: K, most: u32) -> Option<Place<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_insert(0);
        if *count >= most {
            if *count == 0 {
                counts.remove(&key);
            }
            return None;
        }
        *count += 1;
        Some(Place { key, of: self.clone() })
    }
}

/// One taken place.
struct Place<K: Eq + Hash + Copy> {
    key: K,
    of: Arc<Counts<K>>,
}

impl<K: Eq + Hash + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::LimitOptions;

    fn limits(enabled: bool) -> ConnectionLimits {
        let limits = LimitOptions { enabled, connections_per_user: 2, connections_per_address: 3 };
        ConnectionLimits::new(&ServerOptions { limits, ..ServerOptions::default() })
    }

    #[test]
    fn a_place_is_given_back_when_its_connection_has_gone() {
        let (limits, home) = (limits(true), "192.0.2.1".parse().ok());
        let ann = UserId::new(1);
        let first = limits.take(ann, home).unwrap();
        let _second = limits.take(ann, home).unwrap();
        assert_eq!(limits.take(ann, home).err(), Some(Full::User(2)));
        let _bob = limits.take(UserId::new(2), home).unwrap();
        assert_eq!(limits.take(UserId::new(3), home).err(), Some(Full::Address(3)), "what was refused took no place");
        drop(first);
        assert!(limits.take(ann, home).is_ok());
    }

    #[test]
    fn counts_of_those_who_left_are_not_kept() {
        let limits = limits(true);
        drop(limits.take(UserId::new(1), "192.0.2.1".parse().ok()).unwrap());
        drop(limits.take_http("192.0.2.1".parse().unwrap()));
        assert!(limits.users.0.lock().unwrap().is_empty() && limits.addresses.0.lock().unwrap().is_empty());
        assert!(limits.http.0.lock().unwrap().is_empty());
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let limits = limits(false);
        let all: Vec<_> = (0..9).map(|_| limits.take(UserId::new(1), None)).collect();
        assert!(all.iter().all(|place| matches!(place, Ok(None))));
    }
}
