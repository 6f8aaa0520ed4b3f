use std::{net::IpAddr, path::PathBuf};

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
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,

    /// Serve https by host name, with certificates made on the spot
    #[arg(long)]
    pub(crate) tls: bool,

    /// Write the certificate authority that clients have to trust to this file
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_out: Option<PathBuf>,

    /// Until a host is active
    #[arg(long, value_name = "TIME", default_value = "3s")]
    pub(crate) boot_time: TimeSpan,

    /// Make something go wrong, such as `reset-after:method=POST,times=1`; repeatable
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<provision_sim::Fault>,
}
