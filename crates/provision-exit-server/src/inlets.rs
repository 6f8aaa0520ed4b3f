//! Exit servers of [inlets-pro](https://github.com/inlets/inlets-pro).

mod script;
#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr, str::FromStr};

use provision_core::{Invalid, OpenPorts, PortRange, Protocol, UserData};

use crate::AuthToken;

/// The exit server of one release, for TCP or for HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InletsPro {
    release: String,
    checksum: Option<String>,
    https: Option<Https>,
}

impl InletsPro {
    /// The release that is installed when nobody names one: that of inlets-operator's last chart.
    pub const RELEASE: &'static str = "0.9.40";
    /// The port on which the server waits for its client.
    pub const CONTROL_PORT: u16 = 8123;

    /// A server that passes TCP connections on, on the ports that its client asks for.
    ///
    /// # Errors
    /// [`Invalid`] when the release is not a version.
    pub fn new(release: &str) -> Result<Self, Invalid> {
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if release.is_empty() || release.len() > 64 || !release.chars().all(fine) {
            let shown: String = release.chars().take(40).collect();
            return Err(Invalid::new(format!(
                "inlets release {shown:?} is not a version such as {}",
                Self::RELEASE
            )));
        }
        Ok(Self {
            release: release.to_owned(),
            checksum: None,
            https: None,
        })
    }

    /// A server that answers HTTPS for domains instead.
    #[must_use]
    pub fn with_https(mut self, https: Https) -> Self {
        self.https = Some(https);
        self
    }

    /// Has the host start nothing but a binary with this SHA-256, 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`Invalid`] for anything else.
    pub fn with_checksum(mut self, sha256: &str) -> Result<Self, Invalid> {
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Invalid::new(
                "the checksum of the inlets binary must be a SHA-256: 64 hexadecimal digits, as `sha256sum` prints them",
            ));
        }
        self.checksum = Some(sha256.to_ascii_lowercase());
        Ok(self)
    }

    /// The release that is installed.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The script that makes a host this exit server.
    ///
    /// # Errors
    /// [`Invalid`] never in practice: the text is a script by its first line.
    pub fn user_data(&self, token: &AuthToken) -> Result<UserData, Invalid> {
        UserData::new(script::text(self, token))
    }

    /// The ports that have to be reachable. `named` are those that the client of a TCP server will ask for; where none are,
    /// every port is open, as the client decides. Beside HTTPS they are further ports.
    #[must_use]
    pub fn open_ports(&self, named: &[PortRange]) -> OpenPorts {
        let own: &[u16] = match &self.https {
            None if named.is_empty() => return OpenPorts::All,
            None => &[Self::CONTROL_PORT],
            Some(_) => &[80, 443, Self::CONTROL_PORT],
        };
        let own = own
            .iter()
            .filter_map(|port| PortRange::new(Protocol::Tcp, *port, *port).ok());
        let mut ports: Vec<PortRange> = own.chain(named.iter().copied()).collect();
        ports.sort();
        ports.dedup();
        OpenPorts::Only(ports)
    }

    /// The client's command for a shell, with an upstream to be replaced: `token` is the option that carries the token, such as
    /// `--token-file=token`. The client needs a license.
    #[must_use]
    pub fn client_command(&self, ip: IpAddr, token: &str) -> String {
        Mode::of(self).client_command(ip, token)
    }
}

/// What a tunnel carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// TCP connections, whatever is in them.
    Tcp,
    /// HTTP, with TLS ended at the server.
    Https,
}

impl Mode {
    /// What a server's tunnel carries.
    #[must_use]
    pub fn of(server: &InletsPro) -> Self {
        if server.https.is_some() { Self::Https } else { Self::Tcp }
    }

    /// `tcp` or `https`, as it stands in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Https => "https",
        }
    }

    /// As [`InletsPro::client_command`].
    #[must_use]
    pub fn client_command(self, ip: IpAddr, token: &str) -> String {
        let url = control_url(ip);
        match self {
            Self::Tcp => format!("inlets-pro tcp client --url={url} {token} --upstream=127.0.0.1 --ports=2222"),
            Self::Https => format!("inlets-pro http client --url={url} {token} --upstream=http://127.0.0.1:8080"),
        }
    }
}

impl FromStr for Mode {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Tcp, Self::Https]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| Invalid::new("a tunnel carries tcp or https"))
    }
}

/// Where the server waits for its client.
#[must_use]
pub fn control_url(ip: IpAddr) -> String {
    let host = match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("wss://{host}:{}", InletsPro::CONTROL_PORT)
}

/// HTTPS for domains, with certificates of Let's Encrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    domains: Vec<String>,
    email: Option<String>,
    issuer: Issuer,
}

impl Https {
    /// Certificates for these domains, each of which has to point to the host's address.
    ///
    /// # Errors
    /// [`Invalid`] when there is none, or when one is not a domain's full name. Let's Encrypt gives no certificates for wildcards
    /// by the challenge that inlets uses.
    pub fn new(domains: &[String]) -> Result<Self, Invalid> {
        if domains.is_empty() {
            return Err(Invalid::new("HTTPS needs a domain"));
        }
        let domains = domains.iter().map(|domain| check_domain(domain));
        Ok(Self {
            domains: domains.collect::<Result<_, _>>()?,
            email: None,
            issuer: Issuer::Prod,
        })
    }

    /// Whom Let's Encrypt writes to.
    ///
    /// # Errors
    /// [`Invalid`] when it is not an e-mail address in plain letters.
    pub fn with_email(mut self, email: &str) -> Result<Self, Invalid> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let valid = email.split_once('@').is_some_and(|(local, domain)| {
            (1..=64).contains(&local.len()) && local.chars().all(fine) && check_domain(domain).is_ok()
        });
        if !valid {
            let shown: String = email.chars().take(80).collect();
            return Err(Invalid::new(format!(
                "{shown:?} is not an e-mail address such as you@example.com"
            )));
        }
        self.email = Some(email.to_owned());
        Ok(self)
    }

    /// Who signs the certificates.
    #[must_use]
    pub fn with_issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = issuer;
        self
    }

    /// The domains, in lower case.
    #[must_use]
    pub fn domains(&self) -> &[String] {
        &self.domains
    }
}

/// Which service of Let's Encrypt signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Issuer {
    /// The one that browsers trust; it limits how many certificates a domain gets in a week.
    #[default]
    Prod,
    /// The one for trying things out.
    Staging,
}

impl Issuer {
    /// `prod` or `staging`, as inlets-pro calls them.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Staging => "staging",
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Issuer {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Prod, Self::Staging]
            .into_iter()
            .find(|issuer| issuer.as_str() == text)
            .ok_or_else(|| Invalid::new("the issuer is `prod`, or `staging` for tests"))
    }
}

/// A domain's full name in lower case: it becomes a word in a file that systemd reads.
fn check_domain(domain: &str) -> Result<String, Invalid> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_address = domain.parse::<IpAddr>().is_ok();
    if domain.len() <= 253 && domain.contains('.') && !is_address && domain.split('.').all(label) {
        return Ok(domain.to_ascii_lowercase());
    }
    let shown: String = domain.chars().take(80).collect();
    Err(Invalid::new(format!(
        "{shown:?} is not a domain such as tunnel.example.com: a name with a dot, no wildcard, no scheme and no path; one with other letters in its `xn--` form"
    )))
}
