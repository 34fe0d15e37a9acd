//! `tidings healthcheck`: for containers and service managers, without a second program.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use anyhow::{Context, anyhow, bail};

use super::{
    arguments::{Data, Healthcheck},
    config,
    failure::Failure,
    http::{Answer, Request, ask},
    output::answer,
    run::block_on,
};

/// Asks `/readyz`, prints what it says, and fails unless it says 200.
pub(super) fn run(arguments: &Healthcheck, file: Option<PathBuf>) -> Result<(), Failure> {
    let url = url(arguments.url.as_ref(), file)?;
    let target = Target::read(&url).map_err(|error| Failure::Usage(format!("--url {url}: {error}")))?;
    let Answer { status, body } = block_on(target.ask())?.with_context(|| format!("no answer from {url}"))?;
    answer(body.trim())?;
    if status == 200 { Ok(()) } else { Err(Failure::from(anyhow!("{url} answers {status}"))) }
}

/// The server's URL: the one that was named, or where the configuration listens.
pub(super) fn url(named: Option<&String>, file: Option<PathBuf>) -> Result<String, Failure> {
    if let Some(url) = named {
        return Ok(url.clone());
    }
    let configuration = config::read(&Data::default().sources(file))?.configuration;
    Ok(format!("http://{}", reachable(configuration.server.listen.0)))
}

/// An address that a client on this machine reaches a listener by.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Host and port.
    authority: String,
    path: String,
}

impl Target {
    pub(super) fn read(url: &str) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("expected http://host:port (TLS is not spoken here: ask the server itself, not its proxy)");
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_graphic()) || host.contains('@') {
            bail!("expected http://host:port");
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:80") };
        let path = if path.is_empty() { "readyz" } else { path };
        Ok(Self { authority, path: format!("/{path}") })
    }

    /// Asks each address that the name has until one answers.
    async fn ask(&self) -> anyhow::Result<Answer> {
        self.get(&self.path, None).await
    }

    /// Asks for another path there, with a bearer token if one is given.
    pub(super) async fn get(&self, path: &str, bearer: Option<&str>) -> anyhow::Result<Answer> {
        let authority = &self.authority;
        let addresses = authority.to_socket_addrs().with_context(|| format!("look up {authority}"))?;
        let mut outcome = Err(anyhow!("{authority} has no address"));
        for address in addresses {
            outcome = ask(address, &Request { method: "GET", authority, path, bearer, body: "" }).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_server_and_readyz_is_asked_unless_it_says_more() {
        let target = |url| Target::read(url).map(|target| (target.authority, target.path)).unwrap();
        assert_eq!(target("http://127.0.0.1:8000"), ("127.0.0.1:8000".into(), "/readyz".into()));
        assert_eq!(target("http://[::1]:8000/healthz"), ("[::1]:8000".into(), "/healthz".into()));
        assert_eq!(target("http://tidings/"), ("tidings:80".into(), "/readyz".into()));
        for url in ["https://127.0.0.1", "127.0.0.1:8000", "http://", "http://a b", "http://a/\r\nX: y"] {
            assert!(Target::read(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_address_that_means_all_is_asked_on_loopback() {
        for (listen, expected) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.7:1", "10.0.0.7:1")] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        }
    }
}
