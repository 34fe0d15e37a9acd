//! Which web pages may talk to the server: the rule of `Origin`, for upgrades, HTTP and CORS alike.

use std::{fmt, str::FromStr};

use http::{HeaderMap, HeaderName, header, uri::Authority};

/// An origin as browsers write it (RFC 6454 §6.2): scheme, host and port, in lower case, without a default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(String);

/// The text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin: write a scheme, a host and perhaps a port, like https://app.example.com, without a path")]
pub struct OriginError(String);

impl FromStr for AllowedOrigin {
    type Err = OriginError;

    /// Reads `https://app.example.com`, `http://localhost:5173`, also schemes of apps like `capacitor://localhost`.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError(text.to_owned());
        let url = url::Url::parse(text).map_err(|_| error())?;
        let bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let host = url.host_str().filter(|_| bare).ok_or_else(error)?.to_ascii_lowercase();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{}://{host}{port}", url.scheme())))
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a request says of the page that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PageOrigin {
    /// No `Origin`: not a web page, or a plain navigation.
    Absent,
    /// A page of the server's own host and port.
    Own,
    /// A page of an origin in the setting.
    Allowed(String),
    /// Any other page, `null` included. Holds what the request said, cut to 200 bytes.
    Foreign(String),
}

impl PageOrigin {
    /// Judges a request. `by_proxy` says whether the peer is a declared proxy, whose `X-Forwarded-Host` and
    /// `X-Forwarded-Proto` stand for the host and scheme that the client spoke to.
    pub(crate) fn of(
        headers: &HeaderMap,
        authority: Option<&Authority>,
        by_proxy: bool,
        allowed: &[AllowedOrigin],
    ) -> Self {
        let Some(value) = headers.get(header::ORIGIN) else { return Self::Absent };
        let text = value.to_str().unwrap_or_default();
        let several = headers.get_all(header::ORIGIN).iter().nth(1).is_some();
        match Parts::of(text).filter(|_| !several) {
            Some(parts) if parts.is_own(headers, authority, by_proxy) => Self::Own,
            Some(_) if allowed.iter().any(|one| one.0 == text) => Self::Allowed(text.to_owned()),
            _ => Self::Foreign(text.chars().take(200).collect()),
        }
    }
}

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// An `Origin` taken apart.
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, port) = split_port(rest)?;
        (!host.is_empty() && !rest.contains(['/', '?', '#', '@'])).then_some(Self { scheme, host, port })
    }

    /// The port, or the scheme's own one (RFC 6454 §4).
    fn effective_port(&self) -> Option<u16> {
        self.port.or(match self.scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        })
    }

    /// Whether it is the host and port that the request was made to. Where `Host` has no port, the client spoke to its
    /// scheme's own port, and only a declared proxy knows the scheme.
    fn is_own(&self, headers: &HeaderMap, authority: Option<&Authority>, by_proxy: bool) -> bool {
        let told = |name: &HeaderName| {
            let value = headers.get(name).filter(|_| by_proxy)?.to_str().ok()?;
            value.split(',').next().map(str::trim)
        };
        let host_header = || headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let Some(host) = told(&X_FORWARDED_HOST).or(authority.map(Authority::as_str)).or_else(host_header) else {
            return false;
        };
        let Some((host, port)) = split_port(host) else { return false };
        if !self.host.eq_ignore_ascii_case(host) || !matches!(self.scheme, "http" | "https") {
            return false;
        }
        match (port, told(&X_FORWARDED_PROTO)) {
            (Some(port), _) => self.effective_port() == Some(port),
            (None, Some(scheme)) => self.scheme == scheme && self.port.is_none(),
            (None, None) => self.port.is_none(),
        }
    }
}

/// Splits `host[:port]`, minding the colons of `[::1]:80`.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => Some((host, Some(port.parse().ok()?))),
        _ => Some((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fields: &[(&'static str, &str)], by_proxy: bool) -> PageOrigin {
        let allowed = ["https://app.example.com", "http://localhost:5173", "capacitor://localhost"];
        let allowed: Vec<AllowedOrigin> = allowed.iter().map(|origin| origin.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        PageOrigin::of(&headers, None, by_proxy, &allowed)
    }

    #[test]
    fn a_page_of_the_same_host_and_port_is_the_servers_own() {
        for (origin, host) in [
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("https://chat.example.com", "chat.example.com"),
            ("https://chat.example.com", "CHAT.example.com:443"),
            ("http://chat.example.com", "chat.example.com:80"),
            ("http://[::1]:8000", "[::1]:8000"),
        ] {
            assert_eq!(judged(&[("origin", origin), ("host", host)], false), PageOrigin::Own, "{origin} {host}");
        }
    }

    #[test]
    fn any_other_page_is_foreign_unless_the_setting_names_it() {
        for origin in
            ["http://127.0.0.1:8001", "https://127.0.0.1", "null", "", "http://evil.example@127.0.0.1:8000", "file://"]
        {
            let judged = judged(&[("origin", origin), ("host", "127.0.0.1:8000")], false);
            assert_eq!(judged, PageOrigin::Foreign(origin.into()));
        }
        for origin in ["https://app.example.com", "http://localhost:5173", "capacitor://localhost"] {
            let judged = judged(&[("origin", origin), ("host", "127.0.0.1:8000")], false);
            assert_eq!(judged, PageOrigin::Allowed(origin.into()));
        }
        assert_eq!(judged(&[("host", "127.0.0.1:8000")], false), PageOrigin::Absent);
        let twice = [("origin", "https://app.example.com"), ("origin", "https://evil.example")];
        assert!(matches!(judged(&twice, false), PageOrigin::Foreign(_)));
    }

    #[test]
    fn forwarded_host_and_scheme_count_from_declared_proxies_only() {
        let fields = [
            ("origin", "https://chat.example.com"),
            ("host", "10.0.0.7:8000"),
            ("x-forwarded-host", "chat.example.com"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(judged(&fields, true), PageOrigin::Own);
        assert!(matches!(judged(&fields, false), PageOrigin::Foreign(_)));
        let mut plain = fields;
        plain[0].1 = "http://chat.example.com";
        assert!(matches!(judged(&plain, true), PageOrigin::Foreign(_)), "the proxy said https");
    }

    #[test]
    fn an_allowed_origin_is_brought_into_the_form_of_browsers() {
        let normal = |text: &str| text.parse::<AllowedOrigin>().map(|origin| origin.to_string());
        assert_eq!(normal("HTTPS://App.Example.com:443/").unwrap(), "https://app.example.com");
        assert_eq!(normal("https://bücher.example").unwrap(), "https://xn--bcher-kva.example");
        for bad in ["app.example.com", "*", "https://a.example/path", "https://u@a.example", "null", ""] {
            assert!(normal(bad).is_err(), "{bad}");
        }
    }
}
