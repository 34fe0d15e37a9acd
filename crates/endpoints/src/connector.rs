//! How connections to the backend are made: plain, or behind the feature `tls` encrypted where the URL says so.
//!
//! `crates/tidings/tests/cli/tls.rs` tries it against a TLS server: `cargo test --workspace --features tidings/tls --test cli tls::`, as
//! `cargo xtask test` does.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

/// Whether `https://` can be asked.
pub(crate) const TLS: bool = cfg!(feature = "tls");

#[cfg(not(feature = "tls"))]
pub(crate) type Connector = HttpConnector;

#[cfg(feature = "tls")]
pub(crate) type Connector = hyper_rustls::HttpsConnector<HttpConnector>;

/// Plain connections.
#[cfg(not(feature = "tls"))]
pub(crate) fn connector(within: Duration) -> std::io::Result<Connector> {
    Ok(plain(within))
}

/// Plain and encrypted ones, with the roots that the system trusts.
#[cfg(feature = "tls")]
pub(crate) fn connector(within: Duration) -> std::io::Result<Connector> {
    let mut plain = plain(within);
    plain.enforce_http(false);
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls_provider())?
        .https_or_http()
        .enable_http1();
    Ok(builder.wrap_connector(plain))
}

/// One cryptography provider in the whole program: that of the tokens.
#[cfg(feature = "tls")]
fn rustls_provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

fn plain(within: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(within));
    connector.set_nodelay(true);
    connector
}
