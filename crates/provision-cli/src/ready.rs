//! Whether a host is up: something on it answers.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use provision::{
    http::{Request, Transport, TransportError, url::Url},
    wait::Timer,
};
use tokio::net::TcpStream;

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// What has to answer, as the user wrote it: `tcp:22`, `http://:80/path`, `https://web.example.com/`. Without a host it is the
/// new host's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Tcp {
        host: Option<String>,
        port: u16,
    },
    Http {
        scheme: &'static str,
        host: Option<String>,
        /// What stands behind the host: port, path, query.
        rest: String,
    },
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = if let Some(rest) = text.strip_prefix("tcp:") {
            tcp(rest.strip_prefix("//").unwrap_or(rest))
        } else if let Some(rest) = text.strip_prefix("http://") {
            http("http", rest)
        } else if let Some(rest) = text.strip_prefix("https://") {
            http("https", rest)
        } else {
            None
        };
        let kind = kind.ok_or("write tcp:22, http://:80/path or https://NAME/path")?;
        Ok(Self {
            text: text.to_owned(),
            kind,
        })
    }
}

impl Check {
    /// A port of the new host.
    pub(crate) fn port(port: u16) -> Self {
        Self {
            text: format!("tcp:{port}"),
            kind: Kind::Tcp { host: None, port },
        }
    }

    /// Whether it is the new host's address that has to answer, and not a name or another address.
    pub(crate) fn is_of_address(&self) -> bool {
        match &self.kind {
            Kind::Tcp { host, .. } | Kind::Http { host, .. } => host.is_none(),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn tcp(text: &str) -> Option<Kind> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok().filter(|port| *port > 0)?;
    Some(Kind::Tcp {
        host: Some(host.to_owned()).filter(|host| !host.is_empty()),
        port,
    })
}

fn http(scheme: &'static str, text: &str) -> Option<Kind> {
    let kind = if text.is_empty() || text.starts_with([':', '/', '?']) {
        Kind::Http {
            scheme,
            host: None,
            rest: text.to_owned(),
        }
    } else {
        let url = Url::parse(&format!("{scheme}://{text}")).ok()?;
        let host = url.host_str()?.to_owned();
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        // A password would be shown by `ps`, by this tool, and sent to whoever has the address.
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        Kind::Http {
            scheme,
            host: Some(host),
            rest: format!("{port}{}{query}", url.path()),
        }
    };
    // What would be asked has to be a URL, and not one of another host.
    let example = IpAddr::from([192, 0, 2, 1]);
    let url = kind.url(example)?;
    (url.username().is_empty() && url.password().is_none()).then_some(kind)
}

impl Kind {
    fn url(&self, ip: IpAddr) -> Option<Url> {
        let Self::Http { scheme, host, rest } = self else {
            return None;
        };
        let host = host.clone().unwrap_or_else(|| match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
        Url::parse(&format!("{scheme}://{host}{rest}")).ok()
    }
}

impl Check {
    /// Looks once. `Err` says what is missing.
    pub(crate) async fn look(&self, ip: IpAddr, transport: &dyn Transport) -> Result<(), String> {
        match &self.kind {
            Kind::Tcp { host, port } => {
                let host = host.clone().unwrap_or_else(|| ip.to_string());
                let connected = tokio::time::timeout(PATIENCE, TcpStream::connect((host.as_str(), *port))).await;
                match connected {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(reason(&error)),
                    Err(_) => Err("no answer".to_owned()),
                }
            }
            Kind::Http { host, .. } => {
                let url = self.kind.url(ip).ok_or("it is not a URL")?;
                match transport.send(&Request::get("wait for", url), PATIENCE).await {
                    Ok(answer) if answer.status.is_success() || answer.status.is_redirection() => Ok(()),
                    Ok(answer) => Err(format!("it answers {}", answer.status.as_u16())),
                    // An address has no name that a certificate could be of: that there is one is the answer.
                    Err(TransportError::Certificate(_)) if host.is_none() => Ok(()),
                    Err(error) => Err(reason(&error)),
                }
            }
        }
    }
}

/// The innermost cause says most.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map_or_else(String::new, ToString::to_string)
}

/// Asks until everything answers. `Err` says which did not, and why, when the time is up.
pub(crate) async fn until_all_answer(
    checks: &[Check],
    ip: IpAddr,
    transport: &dyn Transport,
    timer: &dyn Timer,
    until: Duration,
    mut show: impl FnMut(&str),
) -> Result<(), String> {
    for check in checks {
        while let Err(missing) = check.look(ip, transport).await {
            show(&format!("waiting for {check}: {missing}"));
            if timer.now() + INTERVAL > until {
                return Err(format!("{check} did not answer: {missing}"));
            }
            timer.sleep(INTERVAL).await;
        }
        show(&format!("{check} answers"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
