//! What a person reads when a server is up.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
};

use super::{healthcheck::reachable, program::word};

/// What is told. Displayed, it ends with a line end.
pub(super) struct Banner<'a> {
    /// What is listened on, with the real port.
    pub(super) listen: SocketAddr,
    /// Where messages go: `SQLite in ./data/tidings.db`.
    pub(super) store: String,
    pub(super) data: &'a Path,
    pub(super) dev: bool,
    /// Whether `tidings token new` can sign tokens that this server takes.
    pub(super) signs: bool,
    /// Whether there is a database that keeps keys. One that is made later is used from the next start on.
    pub(super) keys: bool,
    /// What this program is called in a shell.
    pub(super) program: String,
    /// Whether to say how to connect, too.
    pub(super) hints: bool,
    /// The secret that was made on this start.
    pub(super) new_secret: Option<PathBuf>,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listen, store, data, dev, .. } = self;
        let data = data.display();
        let all = addresses(*listen);
        let main = all[0];
        writeln!(f, "\n  Tidings {}\n", env!("CARGO_PKG_VERSION"))?;
        for (index, address) in all.iter().enumerate() {
            let label = if index == 0 { "WebSocket" } else { "" };
            writeln!(f, "  {label:<10} ws://{address}/ws")?;
        }
        writeln!(f, "  {:<10} http://{main}/v1   (described in http://{main}/v1/openapi.json)", "HTTP")?;
        writeln!(f, "  {:<10} http://{main}/healthz, /readyz, /metrics", "Health")?;
        writeln!(f, "  {:<10} {store}", "Store")?;
        writeln!(f, "  {:<10} {data}", "Data")?;
        if *dev {
            writeln!(f, "  {:<10} --dev: anybody is believed to be anybody (?user=7); loopback only", "Mode")?;
        } else {
            writeln!(f, "  {:<10} production: users need a token or a session, backends a key", "Mode")?;
        }
        if self.hints {
            self.hints(f, main)?;
        }
        writeln!(f, "\n  Stop it with Ctrl-C or SIGTERM.")
    }
}

impl Banner<'_> {
    fn hints(&self, f: &mut fmt::Formatter<'_>, main: SocketAddr) -> fmt::Result {
        let (program, data) = (&self.program, self.data.to_string_lossy());
        let data = word(&data);
        if let Some(secret) = &self.new_secret {
            writeln!(f, "\n  First start: the secret that signs tokens was made in {},", secret.display())?;
            writeln!(f, "  readable by its owner alone. Whoever has it can be any user.")?;
        }
        writeln!(f)?;
        if self.dev {
            writeln!(f, "  Connect: open http://{main}/healthz in a browser, and paste into its console:")?;
            writeln!(f, "    socket = new WebSocket(\"ws://{main}/ws?user=1\");")?;
            writeln!(f, "    socket.onmessage = (event) => console.log(event.data);")?;
            writeln!(
                f,
                "    socket.onopen = () => socket.send(JSON.stringify({{type: \"private\", to: 2, content: \"hi\"}}));"
            )?;
        }
        if self.signs {
            writeln!(f, "  A user's token:   {program} token new --user 7 --data {data}")?;
        }
        let then = if self.keys { "" } else { "   (then start again)" };
        writeln!(f, "  A backend's key:  {program} keys new --name app --data {data}{then}")
    }
}

/// The addresses by which a listener is reached, the one for this machine first.
fn addresses(listen: SocketAddr) -> Vec<SocketAddr> {
    let mut all = vec![reachable(listen)];
    if listen.ip().is_unspecified() {
        all.extend(outward().map(|ip| SocketAddr::new(ip, listen.port())));
    }
    all
}

/// The address of this machine that packets to elsewhere leave by. Connecting a datagram socket sends nothing: the kernel
/// only chooses a route, here to an address kept for documentation (RFC 5737).
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(listen: &str, dev: bool) -> String {
        let banner = Banner {
            listen: listen.parse().unwrap(),
            store: "none".to_owned(),
            data: Path::new("./data"),
            dev,
            signs: true,
            keys: true,
            program: "bin/tidings".to_owned(),
            hints: true,
            new_secret: None,
        };
        banner.to_string()
    }

    #[test]
    fn the_banner_names_what_can_be_reached() {
        let text = banner("127.0.0.1:8000", false);
        assert!(
            text.contains(" ws://127.0.0.1:8000/ws\n")
                && text.contains(" bin/tidings token new --user 7 --data ./data")
        );
        assert!(!text.contains("--dev"), "{text}");
        let text = banner("0.0.0.0:8000", false);
        assert!(text.contains(" ws://127.0.0.1:8000/ws\n") && !text.contains("0.0.0.0"), "{text}");
    }

    #[test]
    fn dev_is_said() {
        let text = banner("127.0.0.1:8000", true);
        assert!(text.contains("--dev: anybody is believed to be anybody (?user=7); loopback only"), "{text}");
    }
}
