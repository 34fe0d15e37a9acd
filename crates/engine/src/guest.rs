//! Who is at the other end of a connection, and the places that the connection takes in the limits.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tidings_wire::UserId;

/// Whoever counts the connections of a user and of an address.
pub trait Places: Send + Sync + 'static {
    /// One connection of this user from this address has gone, or never came to be. Called once for each [`Guest`] that was
    /// made with these places, from any thread; it must not block.
    fn give_back(&self, user: UserId, address: IpAddr);
}

/// A user at an address. Dropped, it gives the places back that were taken for it.
///
/// A connection keeps it as long as it lives: so it is small, and no part of it is an allocation of its own.
pub struct Guest {
    user: UserId,
    address: IpAddr,
    port: u16,
    places: Option<Arc<dyn Places>>,
}

impl Guest {
    /// A guest for whom no place was taken. Of an IPv6 address its flow label and scope are forgotten.
    #[must_use]
    pub fn new(user: UserId, peer: SocketAddr) -> Self {
        Self { user, address: peer.ip(), port: peer.port(), places: None }
    }

    /// For whom one place of the user's and one of the address's were taken, which are given back to `places`.
    #[must_use]
    pub fn with_places(user: UserId, peer: SocketAddr, places: Arc<dyn Places>) -> Self {
        Self { places: Some(places), ..Self::new(user, peer) }
    }

    /// Who it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The client's address, as the proxy rules found it.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(places) = self.places.take() {
            places.give_back(self.user, self.address);
        }
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("user", &self.user).field("peer", &self.peer()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Given(Mutex<Vec<(UserId, IpAddr)>>);

    impl Places for Given {
        fn give_back(&self, user: UserId, address: IpAddr) {
            self.0.lock().unwrap().push((user, address));
        }
    }

    #[test]
    fn a_guest_gives_its_places_back_once_it_is_gone() {
        let given = Arc::new(Given::default());
        let (user, peer) = (UserId::new(7), SocketAddr::from(([192, 0, 2, 1], 9)));
        let guest = Guest::with_places(user, peer, given.clone());
        assert!(given.0.lock().unwrap().is_empty() && guest.peer() == peer);
        drop(guest);
        drop(Guest::new(user, peer));
        assert_eq!(*given.0.lock().unwrap(), [(user, peer.ip())]);
    }

    #[test]
    fn a_guest_is_small() {
        assert!(size_of::<Option<Guest>>() <= 56, "{}", size_of::<Option<Guest>>());
    }
}
