//! The URL of a server, and the address behind it.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Host and port, as the server is known by them.
    pub(super) authority: String,
    /// What stands before `/ws` and `/v1`: empty, or with a leading slash and without one at its end.
    pub(super) prefix: String,
}

/// How long a connection may take that only finds out whether somebody listens.
const WITHIN: Duration = Duration::from_secs(5);

impl Target {
    /// Reads a URL of the scheme http or ws.
    ///
    /// # Errors
    /// Another scheme; no host; what can't stand in a request.
    pub(super) fn read(url: &str) -> anyhow::Result<Self> {
        if url.starts_with("https://") || url.starts_with("wss://") {
            bail!(
                "TLS is not spoken here: give the address on which the server itself listens (http://host:port), not that \
                 of the proxy before it. The work of the proxy would be measured with it otherwise"
            );
        }
        let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("ws://")) else {
            bail!("expected http://host:port");
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let strange = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['?', '#', '@']);
        if host.is_empty() || strange(rest) {
            bail!("expected http://host:port");
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:80") };
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        Ok(Self { authority, prefix })
    }

    /// The first of the host's addresses where somebody listens.
    ///
    /// # Errors
    /// The host has no address; nobody listens on any.
    pub(super) fn reach(&self) -> anyhow::Result<SocketAddr> {
        let authority = &self.authority;
        let addresses =
            authority.to_socket_addrs().with_context(|| format!("the address of {authority} is not known"))?;
        let mut outcome = Err(anyhow!("{authority} has no address"));
        for address in addresses {
            match TcpStream::connect_timeout(&address, WITHIN) {
                Ok(_) => return Ok(address),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    outcome = Err(anyhow!(
                        "nobody listens on {address}: is the server running there, and is this the port that its banner names?"
                    ));
                }
                Err(error) => {
                    let hint = "is the host right, and does a firewall let this machine through?";
                    outcome = Err(anyhow!(error).context(format!("{address} can't be reached: {hint}")));
                }
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_and_what_stands_before_the_paths() {
        let target = |url| Target::read(url).map(|target| (target.authority, target.prefix)).unwrap();
        assert_eq!(target("http://127.0.0.1:8000"), ("127.0.0.1:8000".into(), String::new()));
        assert_eq!(target("ws://[::1]:8000/"), ("[::1]:8000".into(), String::new()));
        assert_eq!(target("http://tidings/chat/"), ("tidings:80".into(), "/chat".into()));
        for url in ["127.0.0.1:8000", "http://", "http://a b", "http://a/\r\nX: y", "http://u@h", "ftp://h"] {
            assert!(Target::read(url).is_err(), "{url}");
        }
    }

    #[test]
    fn tls_is_refused_with_a_reason() {
        for url in ["https://chat.example", "wss://chat.example/ws"] {
            assert!(Target::read(url).unwrap_err().to_string().starts_with("TLS is not spoken"), "{url}");
        }
    }
}
