//! Who is at the other end: the peer's own address, or what a declared proxy says of it.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, header};
use tidings_engine::clock::Now;

/// Addresses with a common prefix, like `10.0.0.0/8` or `::1`; IPv4 in its own form, never mapped into IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address or network: write 127.0.0.1, 10.0.0.0/8, ::1 or fd00::/8")]
pub struct NetworkError(String);

impl Network {
    /// Whether the address belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| error())?)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| error())?.to_canonical();
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        if prefix > longest { Err(error()) } else { Ok(Self { address, prefix }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The client behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address, if it is known: a router embedded in another server may not be told.
    pub(crate) address: Option<SocketAddr>,
    /// Whether the peer is a declared proxy, so that its word on host and scheme counts.
    pub(crate) by_proxy: bool,
    /// Whether the request speaks of forwarding though its peer is no declared proxy.
    pub(crate) undeclared_proxy: bool,
}

impl Client {
    /// Finds the client. `X-Forwarded-For` is read from the right: each declared proxy is believed about who spoke to it,
    /// nobody else about anything.
    pub(crate) fn find(peer: Option<SocketAddr>, headers: &HeaderMap, proxies: &[Network]) -> Self {
        let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
        let by_proxy = peer.is_some_and(|peer| trusted(peer.ip()));
        if !by_proxy {
            let undeclared_proxy = FORWARDING.iter().any(|name| headers.contains_key(name));
            return Self { address: peer, by_proxy, undeclared_proxy };
        }
        let mut found = peer;
        for hop in forwarded_for(headers) {
            let Some(hop) = hop else { break };
            found = Some(hop);
            if !trusted(hop.ip()) {
                break;
            }
        }
        Self { address: found, by_proxy, undeclared_proxy: false }
    }
}

/// Addresses that count as one for limits: an IPv4 address, an IPv6 /64 (what one customer usually gets, RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AddressKey(IpAddr);

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
            address => address,
        })
    }
}

/// Tells of a proxy that nobody declared, at most once a minute.
#[derive(Debug, Default)]
pub(crate) struct Suspicion {
    /// Milliseconds of the monotonic clock, plus one; 0 stands for never.
    told: AtomicU64,
}

impl Suspicion {
    pub(crate) fn tell(&self, now: Now, log: impl FnOnce()) {
        let now = now.mono.as_millis() as u64 + 1;
        let told = self.told.load(Ordering::Relaxed);
        let due = told == 0 || now.saturating_sub(told) >= 60_000;
        if due && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            log();
        }
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What proxies add: any of these from an undeclared peer looks like a proxy that was forgotten.
const FORWARDING: [HeaderName; 3] = [header::FORWARDED, X_FORWARDED_FOR, HeaderName::from_static("x-real-ip")];

/// The hops of all `X-Forwarded-For` fields, the last first; none where a hop is no address.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<SocketAddr>> {
    let fields: Vec<&str> = headers.get_all(X_FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let hops: Vec<_> = fields.iter().flat_map(|field| field.split(',')).map(|hop| hop_address(hop.trim())).collect();
    hops.into_iter().rev()
}

/// An address, with or without a port.
fn hop_address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().map(|address| SocketAddr::new(address.to_canonical(), 0)).ok().or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &[&str], proxies: &[&str]) -> Client {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        let proxies: Vec<Network> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        Client::find(Some(peer.parse().unwrap()), &headers, &proxies)
    }

    fn address(client: Client) -> String {
        client.address.unwrap().ip().to_string()
    }

    #[test]
    fn only_declared_proxies_are_believed() {
        let forged = found("203.0.113.9:5", &["198.51.100.1"], &[]);
        assert_eq!((&*address(forged), forged.undeclared_proxy, forged.by_proxy), ("203.0.113.9", true, false));
        let declared = found("10.0.0.2:5", &["198.51.100.1"], &["10.0.0.0/8"]);
        assert_eq!((&*address(declared), declared.undeclared_proxy, declared.by_proxy), ("198.51.100.1", false, true));
    }

    #[test]
    fn what_a_client_wrote_itself_is_not_believed_behind_a_proxy() {
        let chain = found("10.0.0.2:5", &["1.2.3.4, 198.51.100.1", "10.0.0.3"], &["10.0.0.0/8"]);
        assert_eq!(address(chain), "198.51.100.1");
        let garbage = found("10.0.0.2:5", &["1.2.3.4, what, 10.0.0.3"], &["10.0.0.0/8"]);
        assert_eq!(address(garbage), "10.0.0.3");
    }

    #[test]
    fn hops_may_carry_ports_and_brackets() {
        for (hop, expected) in
            [("198.51.100.1:8080", "198.51.100.1"), ("[2001:db8::1]:80", "2001:db8::1"), ("2001:db8::1", "2001:db8::1")]
        {
            assert_eq!(address(found("10.0.0.2:5", &[hop], &["10.0.0.2"])), expected);
        }
    }

    #[test]
    fn networks_hold_their_addresses_in_either_family() {
        let holds =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("127.0.0.1", "::ffff:127.0.0.1"), "a mapped address is the IPv4 address");
        assert!(holds("fd00::/8", "fdff::1") && !holds("fd00::/8", "fe00::1") && holds("::/0", "::1"));
        for bad in ["", "10.0.0.0/33", "::/129", "localhost", "10.0.0.0/x"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ipv6_subnet_counts_as_one_address() {
        let key = |text: &str| AddressKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    }
}
