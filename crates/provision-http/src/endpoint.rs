use std::{fmt, net::IpAddr};

use provision_core::{Error, ProviderInfo, Result, Settings};
use url::{Host, Url};

/// The base URL of a cloud's API, checked: https, or plain http to a loopback address, without credentials, query or
/// fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Checks a base URL. A path is kept, so that `http://127.0.0.1:8080/digitalocean` is a valid one.
    ///
    /// # Errors
    /// `InvalidRequest` when it is no URL, or is plain http to another machine while `allow_http` is off: the credentials
    /// would travel in the clear.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self> {
        let url = Url::parse(text.trim_end_matches('/')).map_err(|error| {
            Error::invalid(format!(
                "the endpoint is not a URL such as https://api.example.com: {error}"
            ))
        })?;
        if !matches!(url.scheme(), "https" | "http") || url.cannot_be_a_base() {
            return Err(Error::invalid("the endpoint must start with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(Error::invalid(
                "the endpoint must not hold a user, a password, a query or a fragment",
            ));
        }
        if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
            return Err(Error::invalid(
                "the endpoint is plain http, which would send the credentials in the clear: use https, or set `allow-http=true` if you mean it",
            ));
        }
        Ok(Self(url))
    }

    /// The base URL that the settings `endpoint` and `allow-http` give, or else the public one.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_settings(info: &ProviderInfo, settings: &Settings, public: &str) -> Result<Self> {
        let text = settings.get("endpoint").unwrap_or(public);
        Self::parse(text, settings.flag(info, "allow-http")?)
    }

    /// The URL of a path below the base. Each segment is percent-encoded, so that none can add another.
    #[must_use]
    pub fn join<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        // `parse` refused URLs that cannot be a base, for which alone this is an error.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The base URL without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The host name or address, for messages and signatures.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in [
            "https://api.example.com",
            "http://127.0.0.1:8080/do",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(Endpoint::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example.com",
            "http://127.0.0.1.example.com",
            "ftp://x",
            "api.example.com",
            "https://u:p@x",
            "https://x/?a=b",
        ] {
            assert!(Endpoint::parse(bad, false).is_err(), "{bad}");
        }
        assert!(Endpoint::parse("http://api.example.com", true).is_ok());
    }

    #[test]
    fn a_segment_cannot_leave_its_place() {
        let endpoint = Endpoint::parse("https://api.example.com/base/", false).unwrap();
        assert_eq!(
            endpoint.join(["v2", "droplets", "1"]).as_str(),
            "https://api.example.com/base/v2/droplets/1"
        );
        assert_eq!(
            endpoint.join(["v2", "a/b?c#d"]).as_str(),
            "https://api.example.com/base/v2/a%2Fb%3Fc%23d"
        );
    }
}
