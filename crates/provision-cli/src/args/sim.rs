use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
};

use clap::{Args, Subcommand};

use crate::duration::TimeSpan;

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Serve all simulated clouds; the base URL is the first line on stdout
    Serve(ServeArgs),
    /// Print lines for a hosts file that send programs to the simulator
    Hosts {
        /// Address of the simulator
        #[arg(long, default_value = "127.0.0.1")]
        ip: IpAddr,
    },
    /// Show everything that exists and bills in the simulated clouds
    Inventory,
    /// Empty the simulated clouds
    Reset,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on, such as 127.0.0.1:8080, localhost:8080 or :8080; port 0 takes a free one
    #[arg(long, value_name = "[ADDRESS]:PORT", default_value = ":0", value_parser = listen)]
    pub(crate) listen: SocketAddr,

    /// Serve https by host name, with certificates made on the spot
    #[arg(long)]
    pub(crate) tls: bool,

    /// Write the certificate authority that clients have to trust to this file
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_out: Option<PathBuf>,

    /// Until a host is active
    #[arg(long, value_name = "TIME", default_value = "3s")]
    pub(crate) boot_time: TimeSpan,

    /// Do not refuse requests beyond the rate limits that the clouds announce
    #[arg(long)]
    pub(crate) no_rate_limits: bool,

    /// Make something go wrong, such as `reset-after:method=POST,times=1`; repeatable
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<provision_sim::Fault>,
}

/// An address to listen on. Without a host it is this machine alone: simulated clouds are not for everybody on the network
/// unless somebody says so.
fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let form = || "write ADDRESS:PORT, localhost:8080 or :8080".to_owned();
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port: u16 = port.parse().map_err(|_| form())?;
    if host.is_empty() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let found: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("{host}: {error}; {}", form()))?
        .collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(form)
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[test]
    fn addresses_to_listen_on_are_taken_as_people_write_them() {
        for (text, address) in [
            (":8080", "127.0.0.1:8080"),
            ("8080", "127.0.0.1:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(listen(text).unwrap().to_string(), address, "{text}");
        }
        for text in ["", "localhost", "localhost:", ":port", ":70000", "127.0.0.1"] {
            let refused = listen(text).unwrap_err();
            assert!(refused.contains(":8080"), "{text}: {refused}");
        }
    }
}
