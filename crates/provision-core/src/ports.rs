use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Which inbound ports of a host are reachable from the internet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OpenPorts {
    /// Every port and protocol: no firewall of ours stands in front of the host.
    #[default]
    All,
    /// Only these; the provider makes the cloud's own firewall for the host and removes it with the host. An empty list
    /// closes every port.
    Only(Vec<PortRange>),
}

impl OpenPorts {
    /// The listed ranges, or `None` when everything is open.
    #[must_use]
    pub fn restricted(&self) -> Option<&[PortRange]> {
        match self {
            Self::All => None,
            Self::Only(ranges) => Some(ranges),
        }
    }
}

/// Protocol of a port range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A run of ports of one protocol, both ends included, 1 to 65535. Written `443`, `443/tcp` or `8000-8100/udp`.
///
/// ```
/// use provision_core::{PortRange, Protocol};
/// let range: PortRange = "8000-8100/udp".parse()?;
/// assert_eq!((range.protocol(), range.from(), range.to()), (Protocol::Udp, 8000, 8100));
/// assert_eq!("443".parse::<PortRange>()?.to_string(), "443/tcp");
/// # Ok::<(), provision_core::Invalid>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    protocol: Protocol,
    from: u16,
    to: u16,
}

impl PortRange {
    /// A checked range; `from` and `to` are both included.
    ///
    /// # Errors
    /// [`Invalid`] when a port is 0 or the range runs backwards.
    pub fn new(protocol: Protocol, from: u16, to: u16) -> Result<Self, Invalid> {
        if from == 0 || to < from {
            return Err(Invalid::new(format!(
                "port range {from}-{to} is not valid: ports are 1 to 65535, the lower one first"
            )));
        }
        Ok(Self { protocol, from, to })
    }

    /// The protocol.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The first port.
    #[must_use]
    pub fn from(&self) -> u16 {
        self.from
    }

    /// The last port; the same as the first for a single port.
    #[must_use]
    pub fn to(&self) -> u16 {
        self.to
    }

    /// `443` or `8000-8100`, without the protocol: the form most clouds want.
    #[must_use]
    pub fn ports(&self) -> String {
        if self.from == self.to {
            self.from.to_string()
        } else {
            format!("{}-{}", self.from, self.to)
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ports(), self.protocol)
    }
}

impl FromStr for PortRange {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::new(format!(
                "{text:?} is not a port: write `443`, `443/tcp`, `53/udp` or `8000-8100/tcp`"
            ))
        };
        let (ports, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((ports, "tcp")) => (ports, Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some(_) => return Err(invalid()),
        };
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|_| plain).ok_or_else(invalid)
        };
        Self::new(protocol, number(from)?, number(to)?)
    }
}

impl TryFrom<String> for PortRange {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}
